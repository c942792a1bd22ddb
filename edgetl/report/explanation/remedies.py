"""What would help a layer: what the search has not tried yet, and what came of what it has tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.ladder import OUT_OF_TIME, Attempt, Ladder
from edgetl.report import numbers


@dataclass(frozen=True)
class Remedy:
    """Something against a loss; both are empty where no setting has it tried."""

    what: str = ""
    """What to do, where it was not tried."""
    tried: str = ""
    """What came of it, where it was."""


def way_to_try(ladder: Ladder) -> str:
    """The setting that makes the search try more; empty where it came to its end."""
    if ladder.passed and ladder.search == "first":
        return 'set search = "all" in [quantize]'
    return "raise budget_s in [quantize]" if ladder.ended == OUT_OF_TIME else ""


def by_treatment(name: str, what: str, ladder: Ladder) -> Remedy:
    """A treatment of the table.

    Args:
        what: it does, as in ``equalise its channels``.
    """
    gains = [one.gained for attempt in ladder.attempts for one in attempt.treatments if one.name == name]
    if gains:
        return Remedy(tried=f"treatment {name!r}, {_outcome(gains)}")
    if name in ladder.switched_off:
        return Remedy(f"{what} (treatment {name!r}, which treatments of [quantize] leaves out)")
    return _untried(f"{what} (treatment {name!r})", ladder)


def by_ranges(estimator: str, what: str, ladder: Ladder) -> Remedy:
    """Another estimator of ranges.

    Args:
        what: it does, as in ``take a wider range``.
    """
    first, *others = ladder.attempts
    if first.estimator == estimator:
        return Remedy(tried=f'estimator = "{estimator}" in [quantize], which the first graph has')
    found = [one for one in others if one.estimator == estimator and not one.in_float]
    if not found:
        return _untried(f'{what} (estimator = "{estimator}")', ladder)
    before, after = _loss(first), [loss for loss in map(_loss, found) if loss is not None]
    gained = None if before is None or not after else before - min(after)
    return Remedy(tried=f'estimator = "{estimator}", {_outcome((gained,))}')


def by_training(what: str, ladder: Ladder) -> Remedy:
    """Training against the float graph."""
    gains = [one.trained.gained for one in ladder.attempts if one.trained is not None]
    return Remedy(tried=f"training against float, {_outcome(gains)}") if gains else _untried(what, ladder)


def by_float(layer: str, ladder: Ladder) -> Remedy:
    """That one layer stays in float."""
    found = [one for one in ladder.attempts if layer in one.in_float]
    if not found:
        return _untried("leave it in float", ladder)
    losses = [loss for loss in map(_loss, found) if loss is not None]
    told = f"of these the best loses {numbers.points(min(losses))}" if losses else "of which none could be judged"
    return Remedy(tried=f"it was in float in {numbers.counted(len(found), 'graph')}, {told}")


def _untried(what: str, ladder: Ladder) -> Remedy:
    return Remedy(what) if way_to_try(ladder) else Remedy()


def _outcome(gains: Sequence[float | None]) -> str:
    known = [gained for gained in gains if gained is not None]
    if not known:
        return "whose gain is unknown"
    best = max(known)
    return f"which gained {numbers.points(best)}" if best > 0 else f"which gained nothing ({numbers.points(best)})"


def _loss(one: Attempt) -> float | None:
    return None if one.check is None else one.check.value
