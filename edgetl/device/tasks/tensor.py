"""Models without labels: outputs are what they are, so parity, latency and likeness to the float model are judged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.decisions import Decisions, OutputError
from edgetl.device.tasks import Pair
from edgetl.device.tasks.flips import flips, kinds_of_flips
from edgetl.device.tasks.output_error import output_error
from edgetl.errors import Unsupported
from edgetl.evaluation import Metrics
from edgetl.gates import Gates
from edgetl.golden import Label
from edgetl.tensors import Array, Batch

_CLASSES_MAX = 50
"""Entries of an output without labels that may be classes; more are the dimensions of an embedding, and which of them
is the largest means nothing to anybody."""


class TensorTask:
    """Gives outputs as they come."""

    name = "tensor"
    labelled = False

    def with_thresholds(self, thresholds: tuple[float, ...]) -> TensorTask:
        """Itself: there is nothing to decide.

        Raises:
            Unsupported: there are thresholds all the same.
        """
        if thresholds:
            raise Unsupported("task 'tensor' decides nothing, but the bundle carries thresholds; make it again")
        return self

    def truth(self, labels: Sequence[Label], classes: int) -> NDArray[np.int64]:
        """Refuse: there are no labels.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(_NO_LABELS)

    def decisions(self, outputs: Batch) -> NDArray[np.int64]:
        """The largest entry along the last axis of the first output ``(n, ...)``; empty when there is none to take."""
        first = next(iter(outputs.values()))
        if first.ndim < 2 or first.shape[-1] < 2 or not first.size:
            return np.zeros(0, dtype=np.int64)
        return np.asarray(np.argmax(first, axis=-1), dtype=np.int64)

    def hits(self, outputs: Batch, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Refuse: there is no right or wrong without labels.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(_NO_LABELS)

    def metrics(self, outputs: Batch, truth: NDArray[np.int64], classes: tuple[str, ...], seed: int) -> Metrics:
        """Refuse: there is no accuracy without labels.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(_NO_LABELS)

    def drop(self, name: str, pair: Pair, gates: Gates, least: int = 0) -> Check:
        """Refuse: there is no accuracy to lose without labels.

        Raises:
            Unsupported: always.
        """
        raise Unsupported(_NO_LABELS)

    def compare(self, pair: Pair, classes: tuple[str, ...], seed: int) -> Decisions:
        """How far each output is off, and how often the largest entry of the first one is another.

        Which one becomes which is told where they can be classes.

        Raises:
            Unsupported: outputs of the two have other names or shapes, or are not of the same number of samples.
        """
        before, after = ({name: array.shape for name, array in one.items()} for one in (pair.reference, pair.candidate))
        if before != after:
            raise Unsupported(f"outputs must be the same to be compared; found {before} and {after}")
        decided = self.decisions(pair.reference), self.decisions(pair.candidate)
        names = [str(place) for place in range(next(iter(before.values()))[-1])] if decided[0].size else []
        kinds = kinds_of_flips(*decided, names, None) if 0 < len(names) <= _CLASSES_MAX else []
        return Decisions(
            n=len(next(iter(pair.reference.values()))),
            flips=flips(*decided, None, kinds) if names else None,
            outputs=tuple(_error(name, array, pair.candidate[name]) for name, array in pair.reference.items()),
        )

    def predictions(self, outputs: Batch, classes: tuple[str, ...]) -> list[dict[str, Array]]:
        """The outputs of each sample by name, without the batch dimension.

        Raises:
            Unsupported: the outputs are not of the same number of samples.
        """
        if len({array.shape[:1] for array in outputs.values()}) != 1 or not next(iter(outputs.values())).ndim:
            found = "; ".join(f"{name}: {array.shape}" for name, array in outputs.items())
            raise Unsupported(f"outputs must have the sample as first dimension, as many of each; found {found}")
        n = len(next(iter(outputs.values())))
        return [{name: array[index] for name, array in outputs.items()} for index in range(n)]


_NO_LABELS = "task 'tensor' has no labels, so accuracy cannot be judged; choose task 'classify' and give labelled data"
TASK = TensorTask()


def _error(name: str, reference: Array, candidate: Array) -> OutputError:
    if not (np.isfinite(reference).all() and np.isfinite(candidate).all()):
        return OutputError(name, None, "some values are NaN or infinite")
    error, _ = output_error(reference, candidate)
    if math.isinf(error):
        return OutputError(name, None, "the reference is the same for all samples, and the candidate another")
    return OutputError(name, error)
