"""What a model is fed while it is timed."""

from __future__ import annotations

import math

import numpy as np

from edgetl.golden import Golden
from edgetl.tensors import Array, Batch, TensorSpec

_SAMPLES, _BUFFERS_MIN = 16, 8
"""Different inputs that take turns: together larger than a CPU's private caches for images of usual sizes."""
GOLDEN_BYTES = 256 * 2**20
"""Memory for golden samples that take turns while a bundle is qualified: more than caches hold."""
_BUFFERS_LEAST = 2


def buffers(batch: int, room: int | None = None) -> int:
    """How many inputs of so many items each take turns: fewer of larger ones; below 8 where ``room`` is for fewer."""
    wanted = max(_BUFFERS_MIN, _SAMPLES // batch)
    return wanted if room is None else min(wanted, room)


def golden_room(golden: Golden, limit_bytes: int = GOLDEN_BYTES) -> int:
    """How many copies of single samples fit into so much memory; two at least, so that none is fed twice in a row."""
    one = sum(array.nbytes for array in golden.inputs.values()) // golden.n
    return max(_BUFFERS_LEAST, limit_bytes // max(one, 1))


def turns(n: int, batch: int, room: int | None = None) -> tuple[tuple[int, ...], ...]:
    """Which of ``n`` samples are in each input: one after another, from the first again after the last."""
    return tuple(tuple((place * batch + item) % n for item in range(batch)) for place in range(buffers(batch, room)))


def feeds_from_golden(golden: Golden, batch: int = 1, room: int | None = None) -> tuple[Batch, ...]:
    """The first golden samples in batches of ``batch``, each in memory of its own; few samples come more than once.

    Args:
        golden: at least one sample.
        batch: samples in each input.
        room: how many inputs there is memory for; ``None`` is as many as are wanted.
    """
    return tuple(
        {name: np.take(array, places, axis=0) for name, array in golden.inputs.items()}
        for places in turns(golden.n, batch, room)
    )


def random_feeds(
    specs: tuple[TensorSpec, ...], seed: int, batch: int = 1, room: int | None = None
) -> tuple[Batch, ...]:
    """Random data of the declared shapes; a first size that may vary is ``batch``, any other one 1.

    Floats are uniform in [0, 1), ``uint8`` in 0 to 255, booleans either; other integers are 0, because they are mostly
    indices and must be valid. ``room`` as of :func:`feeds_from_golden`.
    """
    random = np.random.default_rng(seed)
    return tuple({spec.name: _random(spec, random, batch) for spec in specs} for _ in range(buffers(batch, room)))


def bytes_of(specs: tuple[TensorSpec, ...], batch: int = 1) -> int:
    """Bytes of one input of :func:`random_feeds`."""
    return sum(math.prod(_shape(spec, batch)) * np.dtype(spec.dtype).itemsize for spec in specs)


def zeros(specs: tuple[TensorSpec, ...], batch: int = 1) -> dict[str, Array]:
    """Feeds of zeros; a first size that may vary is ``batch``, any other one 1."""
    return {spec.name: np.zeros(_shape(spec, batch), spec.dtype) for spec in specs}


def _random(spec: TensorSpec, random: np.random.Generator, batch: int) -> Array:
    shape = _shape(spec, batch)
    if spec.dtype in ("float32", "float64"):
        return random.random(shape, np.dtype(spec.dtype))
    if spec.dtype == "float16":
        # 1 is what the largest floats of 32 bits are rounded to
        halves: Array = np.minimum(random.random(shape, np.float32).astype(np.float16), np.float16(1 - 2**-11))
        return halves
    if spec.dtype in ("uint8", "bool"):
        return random.integers(0, 256 if spec.dtype == "uint8" else 2, shape, np.dtype(spec.dtype))
    return np.zeros(shape, spec.dtype)


def _shape(spec: TensorSpec, batch: int) -> tuple[int, ...]:
    free = (batch if place == 0 else 1 for place in range(len(spec.shape)))
    return tuple(instead if size is None else size for size, instead in zip(spec.shape, free, strict=True))
