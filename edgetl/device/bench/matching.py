"""Which candidates of two results belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

from edgetl.comparison import ONE_RUN, Lost
from edgetl.errors import InputError
from edgetl.result import CandidateResult, Result

_Candidates = Mapping[Hashable, CandidateResult]
_NO_NAME = "no candidate of the same name was timed in both"


@dataclass(frozen=True)
class Matched:
    """What is to be compared."""

    pairs: tuple[tuple[CandidateResult, CandidateResult], ...]
    """At least one; the first of each is of the first result."""
    lost: tuple[Lost, ...]
    """Of the first result's candidates."""
    remark: str | None = None
    """How they were paired, where not by name."""


def matched(first: Result, second: Result) -> Matched:
    """Pair what was timed in both, and tell what was timed in the first only.

    Candidates of the same name belong together. Where none was timed in both and each result is of one model, those of
    the same way belong together: runtime, precision and threads. Where there are none of these either, the selected
    ones are compared, and lost is only what the second tried too.

    Raises:
        InputError: nothing was timed in both, and not both have a selected one.
    """
    named = _matched(_by_name(first), _by_name(second))
    if named.pairs:
        return named
    if _is_of_one_model(first) and _is_of_one_model(second):
        ours, theirs = _by_way(first), _by_way(second)
        found = _matched(ours, theirs)
        if found.pairs:
            return replace(found, remark=f"{_NO_NAME}, so those of the same runtime, precision and threads are paired")
    else:
        ours, theirs = _by_name(first), _by_name(second)
    lost = _matched({key: one for key, one in ours.items() if key in theirs}, theirs).lost
    return Matched((_selected(first, second),), lost, f"{_NO_NAME}, so the two that were selected are compared")


def way(candidate: CandidateResult) -> tuple[str, str, int]:
    """How a model is run: runtime, precision and threads."""
    return candidate.runtime, candidate.precision, candidate.threads


def is_timed(candidate: CandidateResult) -> bool:
    """Whether it has samples, or blocks of an offline run."""
    if candidate.heaps is not None:
        return True
    return candidate.latency is not None and bool(candidate.latency.samples_ns)


def _matched(ours: _Candidates, theirs: _Candidates) -> Matched:
    pairs, lost = [], []
    for key, one in ours.items():
        other = theirs.get(key)
        if not is_timed(one):
            continue
        if other is not None and is_timed(other):
            pairs.append((one, other))
        else:
            lost.append(Lost(one.name, _why_not(other)))
    return Matched(tuple(pairs), tuple(lost))


def _why_not(candidate: CandidateResult | None) -> str:
    return "it is not there" if candidate is None else candidate.rejected_because or "it was not timed"


def _by_name(result: Result) -> dict[Hashable, CandidateResult]:
    return {one.name: one for one in result.candidates}


def _by_way(result: Result) -> dict[Hashable, CandidateResult]:
    """Of several that run the same way, such as two int8 graphs of a bundle, the first, the second, and so on."""
    seen = Counter[tuple[str, str, int]]()
    found: dict[Hashable, CandidateResult] = {}
    for one in result.candidates:
        found[way(one), seen[way(one)]] = one
        seen[way(one)] += 1
    return found


def _is_of_one_model(result: Result) -> bool:
    """Only a bundle has a version, and all candidates of a plain file are of one graph."""
    return result.bundle.version is not None or len({one.variant for one in result.candidates}) == 1


def _selected(first: Result, second: Result) -> tuple[CandidateResult, CandidateResult]:
    ours, theirs = ({one.name: one for one in result.candidates if is_timed(one)} for result in (first, second))
    if first.selected in ours and second.selected in theirs:
        return ours[first.selected], theirs[second.selected]
    raise InputError(
        "no candidate was timed in both results, nor is one selected in each; "
        f"the first has {_named(ours)}, the second {_named(theirs)}; "
        f"{ONE_RUN}"
    )


def _named(candidates: Mapping[str, CandidateResult]) -> str:
    return ", ".join(candidates) or "none with a latency"
