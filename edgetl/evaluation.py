"""How well a model does, with the interval that its sample size allows."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.check import Check
from edgetl.decisions import Decisions
from edgetl.interval import Interval

__all__ = ["ClassScore", "Evaluation", "Interval", "Metrics", "SelectionSplit"]


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


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
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
    decisions: Decisions | None = None
    """Against the float variant on the selection data; left out of that variant itself."""
