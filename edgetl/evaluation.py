"""How well a model does, with the interval that its sample size allows."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.check import Check
from edgetl.decisions import Decisions
from edgetl.interval import Interval

__all__ = ["ClassScore", "Evaluation", "Interval", "Metrics", "OtherRuntime", "SelectionSplit"]


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


class OtherRuntime(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A variant in a runtime that the rest of its evaluation is not about, judged by the same gates.

    Kernels of two runtimes round int8 and 16 bits at other places, by enough to change decisions that were close.
    """

    runtime: str
    selection: Interval | None
    """The headline metric on the data that gates see; ``None`` without labels."""
    selection_split: SelectionSplit
    checks: tuple[Check, ...]
    """A failed one keeps devices from running the variant in this runtime, and in this one alone."""


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
    other_runtimes: tuple[OtherRuntime, ...] = ()
    """What the host found in its other runtimes, where these may compute something else; left out where there are
    none."""

    @property
    def every_check(self) -> tuple[Check, ...]:
        """Those of all runtimes."""
        return (*self.checks, *(check for other in self.other_runtimes for check in other.checks))

    def checks_in(self, runtime: str) -> tuple[Check, ...]:
        """Those that hold for the variant in a runtime: what was found of the variant, and of it in that runtime."""
        own = (other.checks for other in self.other_runtimes if other.runtime == runtime)
        return (*self.checks, *(check for checks in own for check in checks))
