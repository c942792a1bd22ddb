"""Transfer-learning methods: each takes a backbone and data, and returns a trunk with an affine head on its features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from edgetl.host.backbones import Backbone
    from edgetl.host.cache import Cache
    from edgetl.host.data.splits import Splits
    from edgetl.progress import Progress


@dataclass(frozen=True)
class Head:
    """``logits = features @ weight.T + bias``; ``weight`` is float32 ``(classes, features)``, ``bias`` ``(classes,)``."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Adapted:
    """What a method made.

    ``trunk`` maps ``uint8 (n, h, w, 3)`` to ``float32 (n, features)`` and is in evaluation mode. ``refit`` fits the
    head again on features that another graph computed for the same training data (an int8 rendering of the trunk);
    it is ``None`` when the head cannot be fitted apart from the trunk.
    """

    trunk: torch.nn.Module
    head: Head
    refit: Callable[[FeatureSource], FittedHead] | None
    fitted: FittedHead | None
    report: dict[str, Any] = field(default_factory=dict)
    """What was chosen and why, JSON-able, for the report."""


@dataclass(frozen=True)
class FittedHead:
    """A head with its own honest predictions on the data it was fitted to."""

    head: Head
    regularisation: float
    out_of_fold: NDArray[np.float32]
    """Logits ``(n, classes)`` of each training sample from a head that did not see it (nor its group)."""
    scores: dict[float, float]
    """Mean cross-validated accuracy of every regularisation tried."""


class FeatureSource(Protocol):
    """Computes features of the training samples, whatever graph stands behind."""

    def training(self, views: tuple[str, ...]) -> NDArray[np.float32]:
        """Features of shape ``(views, n, features)`` of the training samples."""


class Method(Protocol):
    """One way to adapt a backbone."""

    name: str
    options: type[msgspec.Struct]

    def adapt(self, context: AdaptContext) -> Adapted:
        """Adapt ``context.backbone`` to ``context.splits``."""


@dataclass(frozen=True)
class AdaptContext:
    """What every method gets."""

    backbone: Backbone
    splits: Splits
    classes: tuple[str, ...]
    options: Any
    """An instance of the method's own options type."""
    seed: int
    threads: int
    cache: Cache
    progress: Progress
