"""A method's head, fitted once more on the features of another graph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetl.host.adapt import AdaptContext, FittedHead, Head, Method
from edgetl.host.adaptation import refitted
from edgetl.host.features import GraphFeatures
from edgetl.host.graph import HEAD, expose_features, read_graph, weights_of
from edgetl.host.inference import Engine
from edgetl.host.workspace import Workspace


@dataclass(frozen=True)
class Refit:
    """How a method fits its head again on another graph's features."""

    method: Method
    context: AdaptContext


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


def head_for(source: FeatureGraph, refit: Refit, start: FittedHead | None, workspace: Workspace) -> FittedHead | None:
    """The head for a graph, from the cache when it was fitted to the same before; ``None`` where the method has none.

    Args:
        source: computes the features.
        refit: how to fit.
        start: the head of the float graph.
        workspace: whose training samples.

    Raises:
        Unsupported: the graph has no head to put it in place of.
    """
    return refitted(refit.method, refit.context, source.features(workspace), start)


def honest_logits(
    source: FeatureGraph, fitted: FittedHead | None, workspace: Workspace, runtime: str | None = None
) -> NDArray[np.float32] | None:
    """Logits ``(n, classes)`` of the training samples by the heads of cross-validation that did not see them.

    Args:
        source: a graph that ends in the head.
        fitted: the head, to features of this graph or of the float one.
        workspace: whose training samples.
        runtime: that computes the features; the graph's own without one.

    Returns:
        ``None`` where there are no such heads, or the graph has another one.
    """
    if fitted is None or not ends_in(source.graph.model, fitted.head):
        return None
    return fitted.folds.logits(source.features(workspace, runtime).training(("identity",))[0])


def ends_in(path: Path, head: Head) -> bool:
    """Whether exactly this head is what a graph ends in."""
    model = read_graph(path)
    weights = weights_of(model)
    node = next((node for node in model.graph.node if node.name == HEAD), None)
    if node is None or not set(node.input[1:]) <= weights.keys():
        return False
    weight, *bias = (numpy_helper.to_array(weights[name]) for name in node.input[1:])
    same = [np.array_equal(turned, head.weight) for turned in (weight, weight.T)]
    return any(same) and len(bias) == 1 and np.array_equal(bias[0], head.bias)
