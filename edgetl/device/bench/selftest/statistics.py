"""Whether the statistics keep what they promise, by simulation; the machine and its clock play no part."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from edgetl.check import Check
from edgetl.device.bench.plan import MIN_BLOCKS
from edgetl.device.bench.selftest.noise import SAMPLES_PER_BLOCK, interleaved
from edgetl.device.bench.selftest.separate import separate_checks, share_holding_one
from edgetl.samples.comparison import MARGIN, Comparison, Outcome, compare
from edgetl.samples.support import interval, samples_needed

NEEDED: Mapping[float, int] = {90.0: 64, 95.0: 130, 99.0: 662, 99.9: 6636}
"""Samples that each percentile needs, as LoadGen has them."""
_COVERAGE = (0.94, 0.96)
_FALSE_ALARMS = 0.05
_FOUND = 0.95
_HELD = 0.92
"""95 %, less two standard errors of 200 repeats."""


def statistics_checks(repeats: int = 200, seed: int = 0) -> tuple[Check, ...]:
    """Everything this file has to check; ``repeats`` are the simulated comparisons of each kind."""
    return (
        thresholds_check(),
        *coverage_checks(seed=seed),
        *equal_checks(repeats, seed),
        margin_check(repeats, seed),
        found_check(repeats, seed),
        *separate_checks(repeats, seed),
    )


def thresholds_check() -> Check:
    """The number of samples that each percentile needs, against LoadGen's."""
    found = {percent: samples_needed(percent) for percent in NEEDED}
    wrong = [
        f"p{percent:g}: {found[percent]}, not {NEEDED[percent]}"
        for percent in NEEDED
        if found[percent] != NEEDED[percent]
    ]
    reason = "; ".join(wrong) or ", ".join(f"p{percent:g}: {n}" for percent, n in found.items())
    return Check("samples needed", float(len(wrong)), 0.0, "wrong", not wrong, reason, len(NEEDED))


def coverage_checks(repeats: int = 4000, seed: int = 0) -> tuple[Check, ...]:
    """How often the 95 % interval of a percentile holds the truth, in independent samples with a heavy tail.

    The numbers of samples are such that ranks, which are whole, allow for about 95 %.
    """
    random = np.random.default_rng(seed)
    return tuple(
        _coverage_check(percent, n, repeats, random) for percent, n in ((50.0, 1000), (90.0, 1500), (99.0, 5000))
    )


def equal_checks(repeats: int = 200, seed: int = 0) -> tuple[Check, Check]:
    """How often two equal subjects are called faster or slower, and how often the interval of their ratio holds 1."""
    comparisons = _comparisons(1.0, repeats, seed)
    outcomes = [one.outcome for one in comparisons]
    wrong = _share(outcomes, ("faster", "slower"))
    reason = (
        f"{wrong * 100:.1f} % of {repeats} comparisons of a subject with itself were called faster or slower, at most "
        f"{_FALSE_ALARMS * 100:.0f} % may be; {_share(outcomes, ('equivalent',)) * 100:.1f} % were called equivalent"
    )
    alarms = Check("false alarms", wrong, _FALSE_ALARMS, "fraction", wrong <= _FALSE_ALARMS, reason, repeats)
    return alarms, _held(comparisons)


def _held(same: list[Comparison]) -> Check:
    held = share_holding_one(same)
    reason = (
        f"{held * 100:.1f} % of {len(same)} intervals of the ratio of a subject to itself held 1, at least "
        f"{_HELD * 100:.0f} % must"
    )
    return Check("interval of the ratio", held, _HELD, "fraction", held >= _HELD, reason, len(same))


def margin_check(repeats: int = 200, seed: int = 0) -> Check:
    """How often a difference that just does not matter is called slower: the hardest case that must not be."""
    wrong = _share([one.outcome for one in _comparisons(1 + MARGIN, repeats, seed + 1)], ("slower",))
    reason = (
        f"{wrong * 100:.1f} % of {repeats} slowdowns by the margin of {MARGIN * 100:.0f} % were called slower, "
        f"at most {_FALSE_ALARMS * 100:.0f} % may be"
    )
    return Check(
        "false alarms at the margin", wrong, _FALSE_ALARMS, "fraction", wrong <= _FALSE_ALARMS, reason, repeats
    )


def found_check(repeats: int = 200, seed: int = 0, length: int = SAMPLES_PER_BLOCK) -> Check:
    """How often a slowdown by 5 % is called slower, by the fewest blocks of any effort, of ``length`` samples each."""
    found = _share([one.outcome for one in _comparisons(1.05, repeats, seed + 2, length)], ("slower",))
    reason = (
        f"{found * 100:.1f} % of {repeats} slowdowns by 5 % were found in {MIN_BLOCKS} blocks, "
        f"at least {_FOUND * 100:.0f} % must be"
    )
    return Check("slowdown found", found, _FOUND, "fraction", found >= _FOUND, reason, repeats)


def _comparisons(factor: float, repeats: int, seed: int, length: int = SAMPLES_PER_BLOCK) -> list[Comparison]:
    random = np.random.default_rng(seed)
    pairs = [interleaved(factor, MIN_BLOCKS, random, length=length) for _ in range(repeats)]
    return [compare(*pair, paired=True, seed=seed + place) for place, pair in enumerate(pairs)]


def _coverage_check(percent: float, n: int, repeats: int, random: np.random.Generator) -> Check:
    scale = 1e6
    truth = -scale * math.log1p(-percent / 100)
    held = 0
    for _ in range(repeats):
        low, high = interval(np.sort(random.exponential(scale, n)).astype(np.int64).tolist(), percent)
        held += low is not None and high is not None and low <= truth <= high
    share = held / repeats
    least, most = _COVERAGE
    reason = (
        f"{share * 100:.1f} % of {repeats} intervals from {n} samples held the true p{percent:g}, "
        f"expected {least * 100:.0f} % to {most * 100:.0f} %"
    )
    return Check(f"interval of p{percent:g}", share, 0.95, "fraction", least <= share <= most, reason, repeats)


def _share(outcomes: list[Outcome], wanted: tuple[Outcome, ...]) -> float:
    return sum(one in wanted for one in outcomes) / len(outcomes)
