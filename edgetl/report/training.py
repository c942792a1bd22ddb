"""What a bundle tells of its training."""

from __future__ import annotations

import math
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
    """The training curve among a manifest's notes, in the order of its epochs; epoch 0 is the start, where it is known.

    Notes have no schema, so what is no curve is as good as none: a linear probe has none either.
    """
    report = _report(notes)
    try:
        epochs = msgspec.convert(report.get("curve") or (), tuple[Epoch, ...])
    except (msgspec.ValidationError, OverflowError):
        return ()
    known = {one.epoch: one for one in epochs if 0 <= one.epoch <= 1_000_000}
    start = _start(report)
    if known and start is not None:
        known.setdefault(0, start)
    return tuple(known[epoch] for epoch in sorted(known))[:EPOCHS_MAX]


def kept_from(notes: Mapping[str, Any]) -> int | None:
    """The epoch whose weights were kept, 0 for the untrained start; ``None`` where the notes do not say."""
    kept = _report(notes).get("best_epoch")
    return kept if type(kept) is int and kept >= 0 else None


def in_words(epochs: tuple[Epoch, ...], kept: int | None = None) -> tuple[str, ...]:
    """Which epoch was kept, where that is known, and how validation loss went."""
    losses = {one.epoch: one.validation_loss for one in epochs if one.validation_loss is not None}
    told = {epoch: numbers.significant(loss) for epoch, loss in losses.items()}
    if kept is None and losses:
        lowest, last = min(losses, key=losses.__getitem__), max(losses)
        return (
            f"Validation loss was lowest in epoch {lowest} ({told[lowest]}), "
            f"and {told[last]} in the last measured one ({last}).",
        )
    if kept is None or not epochs:
        return ()
    places = {0: "before training (epoch 0)"}
    for epoch in (kept, max(told, default=0)):
        places.setdefault(epoch, f"in epoch {epoch}")
    found = ", ".join(f"{told[epoch]} {place}" for epoch, place in places.items() if epoch in told)
    return (_verdict(kept), *([f"Validation loss was {found}."] if found else []))


def _verdict(kept: int) -> str:
    if kept == 0:
        return "Training never beat the head it started from; the untrained model was kept."
    return f"Epoch {kept} was kept."


def _report(notes: Mapping[str, Any]) -> Mapping[str, Any]:
    report = notes.get("adapt")
    return report if isinstance(report, Mapping) else {}


def _start(report: Mapping[str, Any]) -> Epoch | None:
    """What was measured before any training; ``None`` where it is unknown or no number."""
    start = report.get("start")
    try:
        found = msgspec.convert({**start, "epoch": 0}, Epoch) if isinstance(start, Mapping) else None
    except (msgspec.ValidationError, OverflowError):
        return None
    return found if found is not None and _is_finite(found.validation_loss) else None


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
