"""Transfer-learning methods: each makes a trunk with an affine head on its features from a backbone and data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.host.workspace import Workspace

if TYPE_CHECKING:
    import torch

    from edgetl.host.backbones import Backbone


@dataclass(frozen=True)
class Head:
    """``logits = features @ weight.T + bias``: float32 ``(classes, features)`` and ``(classes,)``."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits ``(n, classes)`` of features ``(n, d)``."""
        return np.asarray(features @ self.weight.T + self.bias, dtype=np.float32)


@dataclass(frozen=True)
class Folds:
    """The heads of cross-validation, each fitted without some of the training samples."""

    heads: tuple[Head, ...]
    unseen_by: NDArray[np.int64]
    """``(n,)``: for each training sample, the place of the head that did not see it (nor its group)."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Honest logits ``(n, classes)`` of all training samples, from their features ``(n, d)``."""
        logits = np.empty((len(features), len(self.heads[0].bias)), np.float32)
        for place, head in enumerate(self.heads):
            unseen = self.unseen_by == place
            logits[unseen] = head.logits(features[unseen])
        return logits


@dataclass(frozen=True)
class FittedHead:
    """A head with its own honest predictions on the data it was fitted to."""

    head: Head
    regularisation: float
    out_of_fold: NDArray[np.float32]
    """Logits ``(n, classes)`` of each training sample from a head that did not see it (nor its group): of ``folds``."""
    scores: dict[float, float]
    """Cross-validated accuracy of every regularisation tried."""
    losses: dict[float, float]
    """Cross-validated log loss of every regularisation tried; the least one was chosen."""
    converged: bool
    """Whether the final fit reached its tolerance within its iterations."""
    folds: Folds
    """What the same heads make of features that another runtime computes is as honest."""


@dataclass(frozen=True)
class Adapted:
    """What a method made.

    ``trunk`` maps ``uint8 (n, h, w, 3)`` to ``float32 (n, features)`` and is in evaluation mode. ``fitted`` is there
    when the head was fitted apart from the trunk.
    """

    trunk: torch.nn.Module
    head: Head
    fitted: FittedHead | None
    report: dict[str, Any] = field(default_factory=dict)
    """What was chosen and why, JSON-able, for the report."""


@dataclass(frozen=True)
class AdaptContext:
    """What every method gets."""

    backbone: Backbone
    options: Any
    """An instance of the method's own options type."""
    workspace: Workspace
    again: bool = False
    """Adapt although the same was adapted before; what was begun and not finished may still be gone on with."""


class FeatureSource(Protocol):
    """Computes features of the training samples, whatever graph stands behind."""

    def training(self, views: tuple[str, ...]) -> NDArray[np.float32]:
        """Features of shape ``(views, n, features)`` of the training samples."""


class Method(Protocol):
    """One way to adapt a backbone."""

    name: str
    options: type[msgspec.Struct]

    def adapt(self, context: AdaptContext) -> Adapted:
        """Adapt the backbone to the training split."""

    def refit(self, context: AdaptContext, features: FeatureSource, start: FittedHead | None) -> FittedHead | None:
        """Fit the head again on features that another graph (an int8 rendering of the trunk) computed.

        Returns ``None`` where a method's head cannot be fitted apart from its trunk; the head then stays as it is.

        Args:
            start: the head that was fitted to the float trunk's features. Its strength is used, and fitting starts
                from it; without one the strength is chosen again.
        """
