"""A logistic head on the frozen backbone's pooled stage features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edgetl.host.adapt import AdaptContext, Adapted, FeatureSource, FittedHead
from edgetl.host.adapt.heads import Floats, HeadSettings, balanced_relevance, fit_head, scale_of, training_set
from edgetl.host.backbones import Pooling, Trunk, part_widths, trunk
from edgetl.host.export import trunk_graph
from edgetl.host.features import GraphFeatures, check_views
from edgetl.host.inference import Crew, Engine, fastest
from edgetl.host.workspace import Workspace

GRID = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
OWN = 2.0
"""How much a graph's own features of an image count beside a float trunk's of each further view.

Measured with heads for solar cells, four views, out of fold (n = 1,771), against heads of the graph's own views: with
seven int8 graphs of EfficientNet-Lite0, Lite1 and Lite2 log loss is 0.002 lower to equal, and accuracy 0.3 points lower
to 0.4 higher (higher with six). Where all counted the same, log loss was 0.003 lower to 0.002 higher."""
NEAR = 1 / 3
"""Up to which share of noise a trunk's own features of further views serve for those of a graph made of it.

The graphs above had shares of 0.11 to 0.25. At a share of 0.46 (twice Lite0's noise, all views counting the same) log
loss was 0.004 higher, and accuracy 0.6 points lower."""


class LinearProbeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``linear-probe``."""

    stages: tuple[str, ...] | None = None
    """Stages whose pooled features the head sees; by default the last three and the backbone's own features."""
    pooling: tuple[Pooling, ...] = ("mean",)
    """``mean`` over height and width is required; ``std`` adds the deviation (texture); ``log`` takes the signed
    logarithm of all of these (heavy tails)."""
    views: tuple[str, ...] = ("identity", "hflip")
    """Views of every training image that count as further samples. A head that is fitted again to a quantized trunk
    takes the float trunk's features of all views but the first, as long as both trunks' features are alike."""
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
        module = _trunk(context)
        graph = trunk_graph(module, workspace)
        with workspace.progress.stage("choose the fastest float runtime"):
            features = _by_trunk(graph, workspace)
        fitted = probe_head(context, features.training(options.views))
        return Adapted(module, fitted.head, fitted, report_of(fitted, options, features.how.engine.runtime))

    def refit(self, context: AdaptContext, features: FeatureSource, start: FittedHead | None) -> FittedHead:
        """Fit the head on another graph's features of the training split.

        Of the further views these are the trunk's own, which are known, as long as the graph's are near them
        (:data:`NEAR`): to run every view through every graph would take several times as long. What the graph computes
        itself counts twice then (:data:`OWN`).
        """
        options: LinearProbeOptions = context.options
        identity, *others = options.views
        rows = features.training((identity,))
        if others:
            known = trunk_features(context).training(options.views)
            if share_of_noise(rows[0], known[0], scale_for(context, known[0])) <= NEAR:
                return mixed_head(context, rows, known[1:], start)
            rows = features.training(options.views)
        return probe_head(context, rows, start)


METHOD = LinearProbe()


def probe_head(
    context: AdaptContext, features: Floats, start: FittedHead | None = None, view_weights: Floats | None = None
) -> FittedHead:
    """A head fitted to features ``(views, n, d)`` of the training split.

    Args:
        context: with the options of a linear probe.
        features: of every view, the images as they are first.
        start: a head for features near these, whose strength is used; without one it is chosen.
        view_weights: how much the samples of each view count, ``(views,)`` with a mean of 1; the same without.
    """
    options: LinearProbeOptions = context.options
    workspace = context.workspace
    settings = HeadSettings(
        regularisation=options.regularisation if start is None else (start.regularisation,),
        folds=options.folds,
        sigma_floor=options.sigma_floor,
        balanced=options.balanced,
        seed=workspace.seed,
        threads=workspace.threads,
    )
    data = training_set(features, workspace.splits.train, len(workspace.classes), workspace.task)
    with workspace.progress.stage("fit the head"):
        return fit_head(replace(data, relevance=_relevance(context), view_weights=view_weights), settings, start)


def mixed_head(context: AdaptContext, own: Floats, known: Floats, start: FittedHead | None) -> FittedHead:
    """A head fitted to a graph's own features of the images as they are, and the float trunk's of the other views.

    Args:
        own: ``(1, n, d)``.
        known: of all views but the first, ``(views - 1, n, d)``.
        start: see :func:`probe_head`.
    """
    counts = np.array([OWN, *np.ones(len(known))], np.float32)
    return probe_head(context, np.concatenate([own, known]), start, counts / counts.mean())


def share_of_noise(features: Floats, known: Floats, scale: Floats) -> float:
    """What features ``(n, d)`` are apart from those known of the same samples, as a share of what tells samples apart.

    Args:
        scale: what each of the features is divided by before a head sees it.
    """
    spread = float(np.mean(np.square((known - known.mean(axis=0)) / scale)))
    apart = float(np.mean(np.square((features - known) / scale)))
    return apart / spread if spread > 0 else np.inf


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


def trunk_features(context: AdaptContext) -> GraphFeatures:
    """The features of the training split that the head was fitted to before any graph was quantized."""
    return _by_trunk(trunk_graph(_trunk(context), context.workspace), context.workspace)


def scale_for(context: AdaptContext, features: Floats) -> Floats:
    """What a head divides features ``(n, d)`` by, those that weigh more by less."""
    relevance = _relevance(context)
    scale = scale_of(features, context.options.sigma_floor)
    return scale if relevance is None else scale / relevance


def _trunk(context: AdaptContext) -> Trunk:
    return trunk(context.backbone, context.options.stages, context.options.pooling)


def _by_trunk(graph: Path, workspace: Workspace) -> GraphFeatures:
    """Features of a trunk that does not change, by the runtime that is fastest with it."""
    engine = fastest(graph, "fp32", workspace.blank(), Crew.many(workspace.threads), workspace.cache)
    return features_by(engine, workspace)


def _relevance(context: AdaptContext) -> Floats | None:
    if not context.options.balance_stages:
        return None
    return balanced_relevance(part_widths(_trunk(context), context.workspace.blank()))


def features_by(engine: Engine, workspace: Workspace) -> GraphFeatures:
    """Features of the training split by a trunk that does not change."""
    return GraphFeatures(workspace.extraction(engine), workspace.splits.train, workspace.progress, "extract features")
