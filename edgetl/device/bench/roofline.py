"""How much of what the machine can do a model reaches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edgetl.artifact import Artifact
from edgetl.device.bench.subjects import Timeable
from edgetl.layers import Peak, Roofline, Work
from edgetl.tensors import Batch, TensorSpec

Count: TypeAlias = Callable[[Path, Mapping[str, tuple[int, ...]]], Work]
"""Counts what one inference of a plain ONNX file computes and moves, given the shapes of its inputs by name."""
_PLAIN = "operations and bytes of a plain file are unknown, because nothing here reads graphs; make a bundle of it"
_NO_PEAK = "no peak is measured in this precision on this CPU"
_NO_MEDIAN = "the median of one inference alone is not known"
_FREE = "a size besides the batch is free, so bytes are unknown"
_UNCOUNTED = "a size besides the batch is free, or not every product can be counted, so operations are unknown"
_ABOVE = (
    "the model is faster than the limit: caches hold data that the limit reads from memory, or its kernels are faster "
    "than the matrix products of the peak"
)


def roofline(work: Work, peak: Peak | None, median_ns: int | None) -> Roofline:
    """Compare a median with the time that computing or moving data takes at least.

    ``limit = max(operations / peak, bytes / bandwidth)`` (Williams, Waterman and Patterson 2009, Roofline, CACM 52).

    Args:
        work: of one inference.
        peak: what this machine reaches in the precision of the model, with as many threads.
        median_ns: of inference alone, one batch at a time.

    Returns:
        ``reason`` says why anything is ``None``, or why a fraction is above 1.
    """
    limit = None
    if peak is not None and work.operations is not None and work.bytes is not None:
        limit = math.ceil(max(work.operations / peak.operations_per_s, work.bytes / peak.bytes_per_s) * 1e9)
    fraction = limit / median_ns if limit is not None and median_ns else None
    reasons = [] if work.reason is None else [work.reason]
    reasons += [_NO_PEAK] if peak is None else []
    reasons += [] if median_ns else [_NO_MEDIAN]
    reasons += [_ABOVE] if fraction is not None and fraction > 1 else []
    return Roofline(work.operations, work.bytes, peak, limit, fraction, "; ".join(reasons) or None)


def work_of(subject: Timeable, feed: Batch, count: Count) -> Work:
    """What one inference of this input computes and moves, as a bundle tells it, or as ``count`` finds it."""
    artifact = subject.artifact
    if artifact is None:
        return count(subject.model, {name: array.shape for name, array in feed.items()})
    moved = _bytes(artifact, subject.batch)
    # older bundles tell the operations of free sizes as if each were 1
    is_free = any(None in spec.shape[1:] for spec in artifact.inputs)
    operations = None if is_free or artifact.operations is None else artifact.operations * subject.batch
    reasons = [*([_UNCOUNTED] if operations is None else []), *([_FREE] if moved is None else [])]
    return Work(operations, moved, "; ".join(reasons) or None)


def uncounted(model: Path, fed: Mapping[str, tuple[int, ...]]) -> Work:
    """A :data:`Count` where nothing reads graphs."""
    return Work(None, None, _PLAIN)


def _bytes(artifact: Artifact, batch: int) -> int | None:
    sizes = [_size(spec, batch) for spec in (*artifact.inputs, *artifact.outputs)]
    known = [size for size in sizes if size is not None]
    return artifact.weight_bytes + sum(known) if len(known) == len(sizes) else None


def _size(spec: TensorSpec, batch: int) -> int | None:
    """Bytes of one batch: a free first size is ``batch``."""
    first, rest = spec.shape[:1], spec.shape[1:]
    sizes: Iterable[int | None] = (*(batch if size is None else size for size in first), *rest)
    known = [size for size in sizes if size is not None]
    if len(known) < len(spec.shape):
        return None
    return math.prod(known) * np.dtype(spec.dtype).itemsize
