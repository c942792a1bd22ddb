"""What a model is fed while it is timed."""

from __future__ import annotations

import numpy as np

from edgetl.golden import Golden
from edgetl.tensors import Array, Batch, TensorSpec

_COUNT = 16
"""Different inputs that take turns: together larger than a CPU's private caches for images of usual sizes."""


def feeds_from_golden(golden: Golden) -> tuple[Batch, ...]:
    """The first golden samples, each a batch of one."""
    count = min(golden.n, _COUNT)
    return tuple({name: array[i : i + 1].copy() for name, array in golden.inputs.items()} for i in range(count))


def random_feeds(specs: tuple[TensorSpec, ...], seed: int) -> tuple[Batch, ...]:
    """Random data of the declared shapes; a size that may vary is 1.

    Floats are uniform in [0, 1), ``uint8`` in 0 to 255, booleans either; other integers are 0, because they are mostly
    indices and must be valid.
    """
    random = np.random.default_rng(seed)
    return tuple({spec.name: _random(spec, random) for spec in specs} for _ in range(_COUNT))


def _random(spec: TensorSpec, random: np.random.Generator) -> Array:
    shape = tuple(1 if size is None else size for size in spec.shape)
    if spec.dtype in ("float16", "float32", "float64"):
        return random.random(shape).astype(spec.dtype)
    if spec.dtype in ("uint8", "bool"):
        return random.integers(0, 256 if spec.dtype == "uint8" else 2, shape).astype(spec.dtype)
    return np.zeros(shape, spec.dtype)
