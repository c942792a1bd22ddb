"""What the candidates of one run are against their references."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.comparison import Lost
from edgetl.device.bench.matching import is_timed, way
from edgetl.device.bench.pairs import Judging, judged_pairs
from edgetl.pair import Pair
from edgetl.result import CandidateResult


def side_by_side(
    candidates: Sequence[CandidateResult], models: Sequence[object], margin: float, seed: int
) -> tuple[Pair, ...]:
    """Judge each candidate by its reference, from blocks that took turns; offline by the time per inference of each.

    What the run found plays no part in choosing references: of several models, the reference is the first model's
    candidate of the same runtime, precision and threads, or its first one where there is none; of one model, the
    first candidate. Only what was timed counts.

    Args:
        candidates: in the order given.
        models: what each is of, in the same order; equal for candidates of one model.
        margin: as a fraction, what is too small to matter.
        seed: of the resampling.

    Raises:
        InputError: a latency is damaged.
    """
    timed = [(one, model) for one, model in zip(candidates, models, strict=True) if is_timed(one)]
    if not timed:
        return ()
    first = timed[0][1]
    base = [one for one, model in timed if model == first]
    others = [one for one, model in timed if model != first] or base[1:]
    alone = len(base) == len(timed)
    pairs = [(base[0] if alone else _like(one, base), one) for one in others]
    return judged_pairs(pairs, Judging(paired=True, margin=margin, seed=seed))


def lost(candidates: Sequence[CandidateResult]) -> tuple[Lost, ...]:
    """What was not timed, although another model was in the same way: same runtime, precision and threads."""
    timed = {way(one) for one in candidates if is_timed(one)}
    return tuple(
        Lost(one.name, one.rejected_because or "it was not timed")
        for one in candidates
        if not is_timed(one) and way(one) in timed
    )


def _like(one: CandidateResult, base: Sequence[CandidateResult]) -> CandidateResult:
    return next((other for other in base if way(other) == way(one)), base[0])
