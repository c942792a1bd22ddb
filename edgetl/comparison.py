"""Two results against each other, as one record."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from edgetl.measurement import Scope
from edgetl.pair import Condition, Pair
from edgetl.result import BundleIdentity
from edgetl.scenario import Scenario

COMPARISON_SCHEMA: Final = "edgetl.comparison/1"
ONE_RUN: Final = "time both in one run: edgetl bench A B"
"""What to do where separate runs say too little."""


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the two results."""

    bundle: BundleIdentity
    edgetl_version: str
    effort: str
    fingerprint: str
    """Of its environment."""
    started_utc: str | None
    alone: tuple[str, ...]
    """Candidates that were timed here only."""
    strict: tuple[str, ...] | None = None
    """Codes that each made a measurement invalid; ``None`` where the result does not say."""


class Lost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate that was not timed, where another was that it is measured by."""

    name: str
    because: str


class ResultComparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every pair of candidates of two results; the first result is what the second is measured by."""

    schema: Literal["edgetl.comparison/1"]
    edgetl_version: str
    first: Side
    second: Side
    scope: Scope
    scenario: Scenario
    margin: float
    pairs: tuple[Pair, ...]
    fail_if: tuple[Condition, ...]
    passed: bool
    """Whether no pair meets a condition of ``fail_if``, and, where there is one, nothing is lost."""
    remarks: tuple[str, ...]
    """What a reader must know besides, such as other machines and other software."""
    batch: int = 1
    """Items in one inference."""
    lost: tuple[Lost, ...] = ()
    """Of the first result's candidates; where the selected ones are compared, only what the second tried too."""

    @property
    def failed(self) -> tuple[Pair, ...]:
        """The pairs that a gate refuses."""
        return tuple(pair for pair in self.pairs if any(pair.meets(condition) for condition in self.fail_if))
