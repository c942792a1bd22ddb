"""A method's head, fitted once more on the features of another graph."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgetl.host.adapt import AdaptContext, FittedHead, Method
from edgetl.host.adaptation import refitted
from edgetl.host.features import GraphFeatures
from edgetl.host.graph import expose_features
from edgetl.host.inference import Engine
from edgetl.host.workspace import Workspace


@dataclass(frozen=True)
class Refit:
    """How a method fits its head again on another graph's features."""

    method: Method
    context: AdaptContext
    regularisation: float | None


@dataclass(frozen=True)
class FeatureGraph:
    """What computes the features."""

    graph: Engine
    """With a head, which is not looked at."""
    rendering: str
    held_out_in: str | None = None
    """The runtime that computes features of samples which a head did not see; ``None`` is that of the others."""

    @property
    def title(self) -> str:
        """Of the stage."""
        elsewhere = "" if self.held_out_in is None else f" in {self.held_out_in}"
        return f"extract features of the {self.graph.precision} trunk ({self.rendering}){elsewhere}"


def head_for(source: FeatureGraph, refit: Refit, workspace: Workspace) -> FittedHead | None:
    """The head for a graph, from the cache when it was fitted to the same before; ``None`` where the method has none.

    Raises:
        Unsupported: the graph has no head to put it in place of.
    """
    path = source.graph.model.with_suffix(".features.onnx")
    expose_features(source.graph.model, path)
    engine = replace(source.graph, model=path)
    elsewhere = None if source.held_out_in is None else replace(engine, runtime=source.held_out_in)
    features = GraphFeatures(
        workspace.extraction(engine),
        workspace.splits.train,
        workspace.progress,
        source.title,
        None if elsewhere is None else workspace.extraction(elsewhere),
    )
    return refitted(refit.method, refit.context, features, refit.regularisation)
