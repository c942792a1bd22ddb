"""The baseline: the same network from random weights, so that what transfer gains can be seen."""

from __future__ import annotations

import msgspec
import numpy as np
import torch

from edgetl.host.adapt import AdaptContext, Adapted, FeatureSource, FittedHead, Head
from edgetl.host.backbones import reinitialised, trunk
from edgetl.host.features import check_views
from edgetl.host.training.layers import unused_parameters
from edgetl.host.training.model import StandardHead, TrainingModel
from edgetl.host.training.options import BatchNormMode, TrainingOptions
from edgetl.host.training.run import Start, trained


class ScratchOptions(TrainingOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of ``scratch``."""

    batchnorm: BatchNormMode = "train"
    """``eval`` would keep statistics that nothing has estimated."""


class Scratch:
    """Train the backbone's architecture from random weights."""

    name = "scratch"
    options: type[msgspec.Struct] = ScratchOptions

    def adapt(self, context: AdaptContext) -> Adapted:
        """Train all weights on the training split.

        Raises:
            RecipeError: an option does not fit the backbone.
            EdgeTLError: the loss became NaN or infinite.
        """
        options: ScratchOptions = context.options
        workspace = context.workspace
        check_views(options.augment.views, workspace.preprocess)
        backbone = reinitialised(context.backbone, workspace.seed)
        body = trunk(backbone, options.stages, options.pooling)
        head = random_head(body, context)
        start = Start(TrainingModel(body, head, unused_parameters(backbone), options.batchnorm))
        model, report = trained(context, start)
        return Adapted(model.trunk.eval(), model.head.folded(), None, report)

    def refit(self, context: AdaptContext, features: FeatureSource, start: FittedHead | None) -> None:
        """Trunk and head were trained together; the head stays as it is."""


METHOD = Scratch()


def random_head(body: torch.nn.Module, context: AdaptContext) -> StandardHead:
    """A small random head on raw features, the same for the same seed."""
    workspace = context.workspace
    with torch.inference_mode():
        width = int(body(torch.from_numpy(workspace.blank()[None])).shape[1])
    generator = np.random.default_rng(workspace.seed)
    weight = generator.normal(0.0, width**-0.5, (len(workspace.classes), width)).astype(np.float32)
    head = Head(weight, np.zeros(len(workspace.classes), np.float32))
    return StandardHead(head, np.zeros(width, np.float32), np.ones(width, np.float32))
