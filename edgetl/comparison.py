"""Two results against each other, as one record."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from edgetl.measurement import Scope
from edgetl.result import BundleIdentity
from edgetl.samples.comparison import Comparison, Outcome
from edgetl.scenario import Scenario

COMPARISON_SCHEMA: Final = "edgetl.comparison/1"
Condition = Literal["slower", "inconclusive", "not-faster"]
"""What a regression gate may refuse."""


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


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One candidate of the second result against one of the first."""

    first: str
    second: str
    first_p50_ns: int
    second_p50_ns: int
    comparison: Comparison
    """What the samples say of the second; below 1 it is faster."""
    p_holm: float | None
    """Its p-value, adjusted for the number of pairs (Holm 1979)."""
    verdict: Outcome
    """What may be concluded: ``comparison.outcome``, unless something speaks against that."""
    downgraded: tuple[str, ...] = ()
    """What does."""

    def meets(self, condition: Condition) -> bool:
        """Whether a gate with this condition refuses the pair."""
        return self.verdict != "faster" if condition == "not-faster" else self.verdict == condition


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
    """Whether no pair meets a condition of ``fail_if``."""
    remarks: tuple[str, ...]
    """What a reader must know besides, such as other machines and other software."""
    batch: int = 1
    """Items in one inference."""

    @property
    def failed(self) -> tuple[Pair, ...]:
        """The pairs that a gate refuses."""
        return tuple(pair for pair in self.pairs if any(pair.meets(condition) for condition in self.fail_if))
