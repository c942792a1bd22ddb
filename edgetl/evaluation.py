"""How well a model does, with the interval that its sample size allows."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.check import Check


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number with its two-sided 95 % interval over ``n`` samples."""

    metric: str
    value: float
    ci95: tuple[float, float]
    n: int


class ClassScore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class: how many samples it has and how well they are told apart (fractions)."""

    label: str
    support: int
    precision: float
    recall: float
    f1: float


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a task reports about one set of predictions."""

    values: tuple[Interval, ...]
    """The task's headline metric first."""
    per_class: tuple[ClassScore, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """Rows are true classes, columns predicted ones."""

    @property
    def headline(self) -> Interval:
        """The number the gates are about."""
        return self.values[0]


SelectionSplit = Literal["validation", "out-of-fold + validation", "none"]


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One variant, as the host measured it."""

    variant: str
    runtime: str
    """The runtime the predictions were made with."""
    selection: Metrics | None
    """On the data that gates and settings were chosen with; optimistic by nature."""
    selection_split: SelectionSplit
    test: Metrics | None
    """On data that nothing was chosen with; reported once."""
    checks: tuple[Check, ...]
