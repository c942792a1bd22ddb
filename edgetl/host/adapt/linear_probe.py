"""A logistic head on the frozen backbone's pooled stage features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from edgetl.host.adapt import AdaptContext, Adapted, FeatureSource, FittedHead
from edgetl.host.adapt.heads import HeadSettings, balanced_relevance, fit_head, training_set
from edgetl.host.backbones import Pooling, part_widths, trunk
from edgetl.host.export import trunk_graph
from edgetl.host.features import GraphFeatures, check_views
from edgetl.host.inference import Crew, Engine, fastest
from edgetl.host.workspace import Workspace

GRID = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)


class LinearProbeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``linear-probe``."""

    stages: tuple[str, ...] | None = None
    """Stages whose pooled features the head sees; by default the last three and the backbone's own features."""
    pooling: tuple[Pooling, ...] = ("mean",)
    """``mean`` over height and width is required; ``std`` adds the deviation (texture); ``log`` takes the signed
    logarithm of all of these (heavy tails)."""
    views: tuple[str, ...] = ("identity", "hflip")
    """Views of every training image that count as further samples."""
    regularisation: tuple[float, ...] = GRID
    """Values of C to choose among, by cross-validated log loss."""
    sigma_floor: float = 0.5
    balance_stages: bool = True
    """Let every pooled part weigh the same, whatever its width; otherwise the widest decides."""
    folds: int = 5
    balanced: bool = False
    """Weigh classes by their inverse frequency."""

    def __post_init__(self) -> None:
        if "mean" not in self.pooling:
            raise ValueError(f"pooling must contain 'mean', got {list(self.pooling)}")
        if not self.regularisation or min(self.regularisation) <= 0:
            raise ValueError(f"regularisation must be positive values of C, got {list(self.regularisation)}")
        if self.sigma_floor < 0 or self.folds < 2:
            raise ValueError(
                f"sigma_floor must be at least 0 and folds at least 2, got {self.sigma_floor} and {self.folds}"
            )


class LinearProbe:
    """Feature extraction: the backbone stays as it was pre-trained.

    References:
        Kornblith, Shlens and Le, "Do Better ImageNet Models Transfer Better?", 2019.
    """

    name = "linear-probe"
    options: type[msgspec.Struct] = LinearProbeOptions

    def adapt(self, context: AdaptContext) -> Adapted:
        """Extract the training features once and fit the head by cross-validation."""
        options: LinearProbeOptions = context.options
        workspace = context.workspace
        check_views(options.views, workspace.preprocess)
        module = trunk(context.backbone, options.stages, options.pooling)
        graph = trunk_graph(module, workspace)
        with workspace.progress.stage("choose the fastest float runtime"):
            engine = fastest(graph, "fp32", workspace.blank(), Crew.many(workspace.threads), workspace.cache)
        features = features_by(engine, workspace)
        fitted = self.refit(context, features, None)
        return Adapted(module, fitted.head, fitted, report_of(fitted, options, engine.runtime))

    def refit(self, context: AdaptContext, features: FeatureSource, regularisation: float | None) -> FittedHead:
        """Fit the head on features of the training split."""
        options: LinearProbeOptions = context.options
        workspace = context.workspace
        settings = HeadSettings(
            regularisation=options.regularisation if regularisation is None else (regularisation,),
            folds=options.folds,
            sigma_floor=options.sigma_floor,
            balanced=options.balanced,
            seed=workspace.seed,
            threads=workspace.threads,
        )
        samples = workspace.splits.train
        data = training_set(features.training(options.views), samples, len(workspace.classes), workspace.task)
        if options.balance_stages:
            widths = part_widths(trunk(context.backbone, options.stages, options.pooling), workspace.blank())
            data = replace(data, relevance=balanced_relevance(widths))
        with workspace.progress.stage("fit the head"):
            return fit_head(data, settings)


METHOD = LinearProbe()


def report_of(fitted: FittedHead, options: LinearProbeOptions, runtime: str) -> dict[str, Any]:
    """What was chosen and why, of a head fitted to features that ``runtime`` computed."""
    return {
        "regularisation": fitted.regularisation,
        "cross_validated_accuracy": {f"{c:g}": score for c, score in fitted.scores.items()},
        "cross_validated_log_loss": {f"{c:g}": loss for c, loss in fitted.losses.items()},
        "converged": fitted.converged,
        "features": int(fitted.head.weight.shape[1]),
        "feature_runtime": runtime,
        "pooling": list(options.pooling),
        "views": list(options.views),
    }


def features_by(engine: Engine, workspace: Workspace) -> GraphFeatures:
    """Features of the training split by a trunk that does not change."""
    return GraphFeatures(workspace.extraction(engine), workspace.splits.train, workspace.progress, "extract features")
