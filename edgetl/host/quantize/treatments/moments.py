"""First and second moments of what layers read: what rounding must know to err where it costs least."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LayerMoments:
    """Of the rows that a layer multiplies by its weights; ``d`` inputs per output, in ``g`` groups."""

    mean: NDArray[np.float32]
    """``(g, d)``"""
    covariance: NDArray[np.float32]
    """``(g, d, d)``, of the rows less their mean."""


@dataclass(frozen=True)
class Moments:
    """Of every layer of one float graph by name; those that are too wide are missing."""

    graph_sha256: str
    """Of the graph without its head, as in a calibration record."""
    images: int
    layers: Mapping[str, LayerMoments] = field(repr=False)
