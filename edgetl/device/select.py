"""The fastest of the candidates that pass, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.device.bench.timing import Timed
from edgetl.samples.comparison import SIGNIFICANT, Comparison, compare, verdicts


@dataclass(frozen=True)
class Choice:
    """The name of the chosen candidate, and the reason against each of the others."""

    selected: str | None
    rejected_because: dict[str, str]


def choose(timed: Mapping[str, Timed], full_precision: frozenset[str], seed: int) -> Choice:
    """Choose among candidates that passed everything and were timed in one interleaved run.

    The smallest median wins, but reduced precision must earn its place: a candidate that is not of full precision is
    chosen over the fastest one that is only when it is ``faster`` as :func:`edgetl.samples.comparison.verdicts` has it,
    by more than the margin and among as many candidates as there are of reduced precision.

    Args:
        timed: samples by candidate name.
        full_precision: names of the candidates that compute a float variant in fp32.
        seed: of the bootstrap.
    """
    if not timed:
        return Choice(None, {})
    ordered = sorted(timed, key=lambda name: _median_ns(timed[name]))
    baseline = next((name for name in ordered if name in full_precision), None)
    unproven = (
        {}
        if baseline is None
        else _unproven(timed, [one for one in ordered if one not in full_precision], baseline, seed)
    )
    selected = next(name for name in ordered if name not in unproven)
    slower = {name: _slower(timed[name], timed[selected]) for name in ordered if name not in (selected, *unproven)}
    return Choice(selected, {**unproven, **slower})


def _unproven(timed: Mapping[str, Timed], reduced: Sequence[str], baseline: str, seed: int) -> dict[str, str]:
    """Why not, for each that has the smaller median and is not proven faster."""
    found = [compare(timed[name], timed[baseline], paired=True, seed=seed) for name in reduced]
    return {
        name: f"reduced precision without proven gain: {one.ratio:.2f}x the latency of {baseline} ({_evidence(one, p)})"
        for name, one, (p, outcome) in zip(reduced, found, verdicts(found), strict=True)
        if outcome != "faster" and _median_ns(timed[name]) < _median_ns(timed[baseline])
    }


def _evidence(found: Comparison, p_holm: float | None) -> str:
    if found.low is None or found.high is None or p_holm is None:
        return f"{min(found.blocks)} blocks of samples, 5 are needed"
    return (
        f"95 % interval {found.low:.3f} to {found.high:.3f}, must be below {1 - found.margin:g}; "
        f"p {p_holm:.2g}, at most {SIGNIFICANT:g}"
    )


def _slower(one: Timed, chosen: Timed) -> str:
    ours, theirs = _median_ns(one), _median_ns(chosen)
    return f"{ours / theirs:.2f}x the latency of the chosen one ({ours / 1e6:.2f} ms against {theirs / 1e6:.2f} ms)"


def _median_ns(timed: Timed) -> float:
    return float(np.median(timed.samples_ns))
