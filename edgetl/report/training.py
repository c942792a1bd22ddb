"""What a bundle tells of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from edgetl.report import numbers

EPOCHS_MAX = 10_000


class Epoch(msgspec.Struct, frozen=True):
    """One pass over the training images; ``None`` is what was not measured."""

    epoch: int
    train_loss: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    """A fraction."""
    learning_rate: float | None = None


def epochs_from(notes: Mapping[str, Any]) -> tuple[Epoch, ...]:
    """The training curve among a manifest's notes, in the order of its epochs.

    Notes have no schema, so what is no curve is as good as none: a linear probe has none either.
    """
    report = notes.get("adapt")
    curve = report.get("curve") if isinstance(report, Mapping) else None
    try:
        epochs = msgspec.convert(curve or (), tuple[Epoch, ...])
    except (msgspec.ValidationError, OverflowError):
        return ()
    known = {one.epoch: one for one in epochs if 0 <= one.epoch <= 1_000_000}
    return tuple(known[epoch] for epoch in sorted(known))[:EPOCHS_MAX]


def in_words(epochs: tuple[Epoch, ...]) -> tuple[str, ...]:
    """Where validation loss was lowest, and where it ended."""
    measured = [(one.validation_loss, one.epoch) for one in epochs if one.validation_loss is not None]
    if not measured:
        return ()
    lowest, last = min(measured), measured[-1]
    least, end = numbers.significant(lowest[0]), numbers.significant(last[0])
    return (
        f"Validation loss was lowest in epoch {lowest[1]} ({least}), and {end} in the last measured one ({last[1]}).",
    )
