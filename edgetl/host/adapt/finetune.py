"""Fine-tuning: the pre-trained weights move, from a head that already fits them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import msgspec
import numpy as np
import torch

from edgetl.errors import EdgeTLError
from edgetl.host.adapt import AdaptContext, Adapted, FeatureSource, FittedHead
from edgetl.host.adapt.heads import scale_of
from edgetl.host.adapt.linear_probe import LinearProbeOptions, features_by, probe_head, report_of
from edgetl.host.adapt.scratch import random_head
from edgetl.host.backbones import Trunk, trunk
from edgetl.host.data.stream import stream
from edgetl.host.export import trunk_graph
from edgetl.host.features import check_views
from edgetl.host.inference import Engine, installed
from edgetl.host.training.layers import frozen_parameters
from edgetl.host.training.model import StandardHead, TrainingModel
from edgetl.host.training.options import Augment, TrainingOptions
from edgetl.host.training.run import Start, trained
from edgetl.tensors import Array

_HANDOVER_IMAGES = 8
_HANDOVER_TOLERANCE = 1e-2


class FinetuneOptions(TrainingOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options of ``finetune``."""

    learning_rate: float = 2e-4
    """Of the trunk's last layers, at its highest."""
    weight_decay: float = 0.02
    head: Literal["probe", "random"] = "probe"
    """``probe`` fits the head first and starts from it (LP-FT); ``random`` starts from a small random one."""
    probe_views: tuple[str, ...] = ("identity", "hflip")
    """Views of every training image that the probe counts as further samples."""
    last_stages: int | None = None
    """Train only this many stages from the output; all when absent."""
    freeze_stem: bool = True
    """Leave the first layer as it was pre-trained."""
    gradual: bool = False
    """Thaw one stage after the other, from the output, over the first half of the epochs."""
    layer_decay: float = 1.0
    """Learning rate of a layer over that of the next one."""
    ema: float | None = 0.99
    augment: Augment = Augment()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.layer_decay <= 1:
            raise ValueError(f"layer_decay must be above 0 and at most 1, got {self.layer_decay}")


class Finetune:
    """Train the pre-trained network on, frozen where it is to be, BatchNorm statistics as they were.

    The untrained model with its fitted head is a candidate, too: where training does not lower the validation loss,
    the probe is what comes back.

    References:
        Kumar, Raghunathan, Jones, Ma and Liang, "Fine-Tuning can Distort Pretrained Features and Underperform
        Out-of-Distribution", ICLR 2022 (LP-FT).
    """

    name = "finetune"
    options: type[msgspec.Struct] = FinetuneOptions

    def adapt(self, context: AdaptContext) -> Adapted:
        """Fit the head, then train trunk and head together.

        Raises:
            RecipeError: an option does not fit the backbone.
            EdgeTLError: the loss became NaN or infinite, or a frozen tensor changed.
        """
        options: FinetuneOptions = context.options
        check_views(options.augment.views, context.workspace.preprocess)
        frozen = frozen_parameters(context.backbone, options.last_stages, options.freeze_stem)
        body = trunk(context.backbone, options.stages, options.pooling)
        head, notes = _probed(body, context) if options.head == "probe" else (random_head(body, context), {})
        start = Start(
            TrainingModel(body, head, frozen, options.batchnorm).eval(),
            options.layer_decay,
            options.gradual,
            counts=options.head == "probe",
        )
        model, report = trained(context, start)
        return Adapted(model.trunk.eval(), model.head.folded(), None, {**notes, **report})

    def refit(self, context: AdaptContext, features: FeatureSource, start: FittedHead | None) -> None:
        """Trunk and head were trained together; the head stays as it is."""


METHOD = Finetune()


def _probed(body: Trunk, context: AdaptContext) -> tuple[StandardHead, dict[str, Any]]:
    """The head of a linear probe on the same features, in a form that trains well, giving the same logits."""
    options: FinetuneOptions = context.options
    probe = LinearProbeOptions(
        stages=options.stages, pooling=options.pooling, views=options.probe_views, balanced=options.balanced
    )
    # a runtime by name, not the fastest: trained weights must not hang on a stopwatch
    engine = Engine(trunk_graph(body, context.workspace), installed()[0])
    rows = features_by(engine, context.workspace).training(options.probe_views)
    fitted = probe_head(replace(context, options=probe), rows)
    flat = rows.reshape(-1, rows.shape[-1])
    head = StandardHead(fitted.head, flat.mean(axis=0), scale_of(flat, probe.sigma_floor))
    report = report_of(fitted, probe, engine.runtime)
    return head, {"probe": report, "handover": _handover(body, head, fitted, context)}


def _handover(body: Trunk, head: StandardHead, fitted: FittedHead, context: AdaptContext) -> float:
    """Largest difference of a logit between probe and training model before the first step.

    Raises:
        EdgeTLError: it is more than rounding.
    """
    workspace = context.workspace
    samples = workspace.splits.validation[:_HANDOVER_IMAGES]
    images: Array = np.stack(list(stream(samples, workspace.preprocess, threads=workspace.threads)))
    with torch.inference_mode():
        features = body(torch.from_numpy(images))
        logits = head(features).numpy()
    expected = features.numpy() @ fitted.head.weight.T + fitted.head.bias
    worst = float(np.max(np.abs(logits - expected)))
    if not worst <= _HANDOVER_TOLERANCE * max(1.0, float(np.max(np.abs(expected)))):
        raise EdgeTLError(
            f"the head changed by {worst:.3g} when it was handed to training; report this with the recipe"
        )
    return worst
