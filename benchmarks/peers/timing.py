"""All ways timed in one interleaved run, and how their medians compare."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from peers.evaluation import Way, load, samples

from edgetl.device.bench.plan import PLANS, Effort
from edgetl.device.bench.timing import Timed, interleave, rotating
from edgetl.samples.ratio import paired_ratio
from edgetl.tensors import Array

INPUTS = 16
"""Samples that each way takes in turn."""


def timed(ways: Sequence[Way], inputs: Mapping[str, Array], threads: int, effort: Effort) -> dict[str, Timed]:
    """Samples by the name of the way."""
    feeds = samples({name: array[:INPUTS] for name, array in inputs.items()})
    with ExitStack() as opened:
        subjects = {}
        for way in ways:
            runner = load(way, threads)
            opened.callback(runner.close)
            subjects[way.name] = rotating(runner.infer, feeds)
        return interleave(subjects, PLANS[effort])


def latency_columns(name: str, found: Mapping[str, Timed], float_way: str, ours: str | None) -> dict[str, Any]:
    """Median, and ratios of medians with 95 % intervals: to the float model, and of EdgeTL's choice to this one."""
    one = found[name]
    columns: dict[str, Any] = {"p50_ms": statistics.median(one.samples_ns) / 1e6, "samples": len(one.samples_ns)}
    columns["ratio_to_float"] = _ratio(one, found[float_way])
    if ours is not None:
        columns["edgetl_to_this"] = _ratio(found[ours], one)
    return columns


def block_medians_ms(one: Timed) -> list[float]:
    """Median of every block, in order: blocks of the same place ran side by side."""
    medians, start = [], 0
    for length in one.blocks:
        medians.append(round(statistics.median(one.samples_ns[start : start + length]) / 1e6, 4))
        start += length
    return medians


def _ratio(first: Timed, second: Timed) -> dict[str, float]:
    ratio = paired_ratio(first, second, seed=0)
    return {"value": ratio.value, "low": ratio.low, "high": ratio.high}
