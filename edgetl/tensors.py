"""Names, dtypes and shapes of tensors, and the one door where feeds are checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.errors import Unsupported

Array: TypeAlias = NDArray[Any]
Batch: TypeAlias = Mapping[str, Array]
Feed: TypeAlias = "Array | Batch"
"""What a model takes for one sample: all of its inputs with a batch of 1, or its only one without the batch."""
DType = Literal["uint8", "int8", "int32", "int64", "float16", "float32", "float64", "bool"]


class TensorSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A named tensor; ``None`` in ``shape`` is a size that may vary (the batch comes first)."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype} ({sizes})"


class FeedCheck:
    """:func:`check_feeds` and :func:`contiguous` for one model, quick where nothing is wrong and nothing to be copied.

    It stands within every inference, so that what can be known beforehand is looked up once.
    """

    def __init__(self, specs: tuple[TensorSpec, ...]) -> None:
        self._specs = specs
        self._wanted = tuple((spec.name, np.dtype(spec.dtype), spec.shape) for spec in specs)

    def __call__(self, feeds: Batch) -> dict[str, Array]:
        """Contiguous arrays in the order of the specs.

        Raises:
            Unsupported: names the tensor, what it is and what it must be.
        """
        arrays: dict[str, Array] = {}
        if len(feeds) == len(self._wanted):
            for name, dtype, shape in self._wanted:
                array = feeds.get(name)
                if type(array) is not np.ndarray or not array.flags.c_contiguous:
                    break
                if array.dtype is not dtype and array.dtype != dtype:
                    break
                if array.shape != shape and not fits(array.shape, shape):
                    break
                arrays[name] = array
            else:
                return arrays
        check_feeds(feeds, self._specs)
        return {spec.name: np.ascontiguousarray(feeds[spec.name]) for spec in self._specs}


def check_feeds(feeds: Batch, specs: tuple[TensorSpec, ...]) -> None:
    """Refuse feeds whose names, dtypes or shapes are not those of ``specs``.

    Raises:
        Unsupported: names the tensor, what it is and what it must be.
    """
    expected = {spec.name for spec in specs}
    if set(feeds) != expected:
        raise Unsupported(f"model inputs are {', '.join(sorted(expected))}; got {', '.join(sorted(feeds)) or 'none'}")
    for spec in specs:
        array = feeds[spec.name]
        if not isinstance(array, np.ndarray) or array.dtype != np.dtype(spec.dtype):
            found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
            raise Unsupported(f"input {spec.name!r} is {found}, expected {spec.dtype}; convert it before inference")
        if not fits(array.shape, spec.shape):
            raise Unsupported(f"input {spec.name!r} has shape {array.shape}, expected {spec}; resize or batch it so")


def fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    """Whether a shape agrees with a spec in which ``None`` is any size."""
    return len(shape) == len(expected) and all(want in (None, have) for have, want in zip(shape, expected, strict=True))


def contiguous(feeds: Batch) -> dict[str, Array]:
    """The same arrays, copied only where a runtime could not read them as they lie."""
    return {name: np.ascontiguousarray(array) for name, array in feeds.items()}


def feeds_of(sample: Feed, inputs: tuple[TensorSpec, ...]) -> Batch:
    """Every input by name, for one sample."""
    return {inputs[0].name: sample[None]} if isinstance(sample, np.ndarray) else sample


def feed_sha256(sample: Feed) -> str:
    """SHA-256 of what a model takes for a sample: of the bytes alone where that is one array."""
    if isinstance(sample, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(sample).tobytes()).hexdigest()
    digest = hashlib.sha256()
    for name in sorted(sample):
        array = np.ascontiguousarray(sample[name])
        digest.update(repr((name, array.dtype.str, array.shape)).encode() + array.tobytes())
    return digest.hexdigest()


def shapes_of(sample: Feed) -> dict[str, tuple[int, ...]]:
    """Shapes by the input's name, which is empty for a single array."""
    arrays = {"": sample} if isinstance(sample, np.ndarray) else sample
    return {name: array.shape for name, array in arrays.items()}
