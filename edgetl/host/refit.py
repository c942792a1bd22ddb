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

    def features(self, workspace: Workspace, runtime: str | None = None) -> GraphFeatures:
        """Of the training samples, as the graph's own runtime computes them, or another one.

        Raises:
            Unsupported: the graph has no head to put another in place of.
        """
        path = self.graph.model.with_suffix(".features.onnx")
        expose_features(self.graph.model, path)
        engine = replace(self.graph, model=path, runtime=runtime or self.graph.runtime)
        title = f"extract features of the {self.graph.precision} trunk ({self.rendering})"
        title += "" if runtime is None else f" in {runtime}"
        return GraphFeatures(workspace.extraction(engine), workspace.splits.train, workspace.progress, title)


def head_for(source: FeatureGraph, refit: Refit, workspace: Workspace) -> FittedHead | None:
    """The head for a graph, from the cache when it was fitted to the same before; ``None`` where the method has none.

    Raises:
        Unsupported: the graph has no head to put it in place of.
    """
    return refitted(refit.method, refit.context, source.features(workspace), refit.regularisation)
