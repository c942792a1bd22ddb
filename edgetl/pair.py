"""One candidate against another, with what may be concluded."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.samples.comparison import Comparison, Outcome

Condition = Literal["slower", "inconclusive", "not-faster"]
"""What a regression gate may refuse."""


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One candidate, the second, against another, the first: of two results, or of one run."""

    first: str
    second: str
    first_p50_ns: int
    second_p50_ns: int
    """Median latencies, offline median times per inference of blocks."""
    comparison: Comparison
    """What the samples say of the second; below 1 it is faster."""
    p_holm: float | None
    """Its p-value, adjusted for the number of pairs that are judged together (Holm 1979)."""
    verdict: Outcome
    """What may be concluded: ``comparison.outcome``, unless something speaks against that."""
    downgraded: tuple[str, ...] = ()
    """What does."""

    def meets(self, condition: Condition) -> bool:
        """Whether a gate with this condition refuses the pair."""
        return self.verdict != "faster" if condition == "not-faster" else self.verdict == condition
