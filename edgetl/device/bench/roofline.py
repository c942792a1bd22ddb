"""How much of what the machine can do a model reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from edgetl.artifact import Artifact
from edgetl.layers import Peak, Roofline
from edgetl.tensors import TensorSpec

_PLAIN = "operations and bytes are counted when a bundle is made; a plain file has no such record"
_NO_PEAK = "no peak is measured in this precision on this CPU"
_NO_MEDIAN = "the median of one inference alone is not known"
_FREE = "a size besides the batch is free, so bytes are unknown"
_ABOVE = (
    "the model is faster than the limit: caches hold data that the limit reads from memory, or its kernels are faster "
    "than the matrix products of the peak"
)


def roofline(artifact: Artifact | None, peak: Peak | None, median_ns: int | None, batch: int = 1) -> Roofline:
    """Compare a median with the time that computing or moving data takes at least.

    ``limit = max(operations / peak, bytes / bandwidth)`` (Williams, Waterman and Patterson 2009, Roofline, CACM 52).

    Args:
        artifact: what is known of the graph; ``None`` for a plain file.
        peak: what this machine reaches in the precision of the model, with as many threads.
        median_ns: of inference alone, one batch at a time.
        batch: samples in it.

    Returns:
        ``reason`` says why anything is ``None``, or why a fraction is above 1.
    """
    operations = None if artifact is None else artifact.operations * batch
    moved = None if artifact is None else _bytes(artifact, batch)
    limit = None
    if peak is not None and operations is not None and moved is not None:
        limit = math.ceil(max(operations / peak.operations_per_s, moved / peak.bytes_per_s) * 1e9)
    fraction = limit / median_ns if limit is not None and median_ns else None
    reasons = [_PLAIN] if artifact is None else [_FREE] if moved is None else []
    reasons += [_NO_PEAK] if peak is None else []
    reasons += [] if median_ns else [_NO_MEDIAN]
    reasons += [_ABOVE] if fraction is not None and fraction > 1 else []
    return Roofline(operations, moved, peak, limit, fraction, "; ".join(reasons) or None)


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
