"""The fastest of the candidates that pass, and why not the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgetl.device.bench.timing import Timed
from edgetl.samples.ratio import ratio_of_medians


@dataclass(frozen=True)
class Choice:
    """The name of the chosen candidate, and the reason against each of the others."""

    selected: str | None
    rejected_because: dict[str, str]


def choose(timed: Mapping[str, Timed], full_precision: frozenset[str], seed: int) -> Choice:
    """Choose among candidates that passed everything and were timed in one interleaved run.

    The smallest median wins, but reduced precision must earn its place: a candidate that is not of full precision is
    chosen over the fastest one that is only when the 95 % interval of the ratio of medians lies below 1.

    Args:
        timed: samples by candidate name.
        full_precision: names of the candidates that compute a float variant in fp32.
        seed: of the bootstrap.
    """
    if not timed:
        return Choice(None, {})
    ordered = sorted(timed, key=lambda name: _median_ns(timed[name]))
    baseline = next((name for name in ordered if name in full_precision), None)
    unproven: dict[str, str] = {}
    for name in ordered:
        if baseline is None or name in full_precision:
            break
        ratio = ratio_of_medians(timed[name], timed[baseline], seed)
        if ratio.high < 1:
            break
        unproven[name] = (
            f"reduced precision without proven gain: {ratio.value:.2f}x the latency of {baseline} "
            f"(95 % interval {ratio.low:.2f} to {ratio.high:.2f}, must be below 1)"
        )
    selected = next(name for name in ordered if name not in unproven)
    slower = {name: _slower(timed[name], timed[selected]) for name in ordered if name not in (selected, *unproven)}
    return Choice(selected, {**unproven, **slower})


def _slower(one: Timed, chosen: Timed) -> str:
    ours, theirs = _median_ns(one), _median_ns(chosen)
    return f"{ours / theirs:.2f}x the latency of the chosen one ({ours / 1e6:.2f} ms against {theirs / 1e6:.2f} ms)"


def _median_ns(timed: Timed) -> float:
    return float(np.median(timed.samples_ns))
