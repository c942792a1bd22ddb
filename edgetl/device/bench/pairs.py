"""Candidates against each other, judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.device.bench.comparable import series_of
from edgetl.measurement import percentile
from edgetl.pair import Pair
from edgetl.result import CandidateResult
from edgetl.samples.comparison import MARGIN, SIGNIFICANT, Comparison, Outcome, compare, verdicts


@dataclass(frozen=True)
class Judging:
    """How to compare."""

    paired: bool
    """Whether blocks took turns in one run."""
    margin: float = MARGIN
    """As a fraction, what is too small to matter."""
    seed: int = 0
    against: tuple[str, ...] = ()
    """What makes every verdict inconclusive."""


def judged_pairs(pairs: Sequence[tuple[CandidateResult, CandidateResult]], how: Judging) -> tuple[Pair, ...]:
    """Judge the second of each pair by the first.

    A verdict needs what :func:`edgetl.samples.comparison.compare` asks for; ``faster`` and ``slower`` also a p-value of
    at most 5 % after Holm's correction for the number of pairs. What was measured badly (``invalid``) is never called
    anything better than ``inconclusive``, and where something is ``against`` all of it, that is every verdict.

    Raises:
        InputError: a latency is damaged.
    """
    found = [
        compare(series_of(new), series_of(old), paired=how.paired, margin=how.margin, seed=how.seed)
        for old, new in pairs
    ]
    return tuple(
        _pair(pair, comparison, adjusted, how.against)
        for pair, comparison, adjusted in zip(pairs, found, verdicts(found), strict=True)
    )


def _pair(
    pair: tuple[CandidateResult, CandidateResult],
    comparison: Comparison,
    adjusted: tuple[float | None, Outcome],
    against: tuple[str, ...],
) -> Pair:
    old, new = pair
    p_holm, verdict = adjusted
    reasons = [*against, *_invalid(pair)]
    if against or (reasons and verdict in ("faster", "equivalent")):
        verdict = "inconclusive"
    if adjusted[1] != comparison.outcome:
        reasons.append(f"p is above {SIGNIFICANT:g} after Holm's correction")
    medians = [percentile(tuple(series_of(one).samples_ns), 50.0) for one in pair]
    return Pair(old.name, new.name, medians[0], medians[1], comparison, p_holm, verdict, tuple(reasons))


def _invalid(pair: tuple[CandidateResult, CandidateResult]) -> list[str]:
    found = [
        place
        for place, one in zip(("first", "second"), pair, strict=True)
        if one.validity is not None and one.validity.verdict == "invalid"
    ]
    return (
        ["both measurements are invalid"]
        if len(found) == 2
        else [f"the {place} measurement is invalid" for place in found]
    )
