"""Whether the statistics keep what they promise, by simulation; the machine and its clock play no part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.samples.comparison import MARGIN, Comparison, Outcome, compare
from edgetl.samples.resampling import Blocked
from edgetl.samples.support import interval, samples_needed

NEEDED: Mapping[float, int] = {90.0: 64, 95.0: 130, 99.0: 662, 99.9: 6636}
"""Samples that each percentile needs, as LoadGen has them."""
_COVERAGE = (0.94, 0.96)
_FALSE_ALARMS = 0.05
_FOUND = 0.95
_SAMPLES_PER_BLOCK = 20


@dataclass(frozen=True)
class Noise:
    """How a shared machine blurs latency; standard deviations are of the logarithm, so 0.01 is about 1 %.

    The machine's mood wanders from block to block and meets the subjects that run then; each block has its own besides,
    as has each sample, which resembles the one before; a few samples stall.
    """

    machine: float = 0.03
    machine_memory: float = 0.9
    """Autocorrelation of the machine's mood from one block to the next."""
    block: float = 0.01
    sample: float = 0.03
    sample_memory: float = 0.5
    stalls: float = 0.01
    """Share of samples that take three times as long."""


@dataclass(frozen=True)
class Synthetic:
    """Samples in blocks of equal length."""

    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]


def statistics_checks(repeats: int = 200, seed: int = 0) -> tuple[Check, ...]:
    """Everything this file has to check; ``repeats`` are the simulated comparisons of each kind."""
    return (
        thresholds_check(),
        *coverage_checks(seed=seed),
        false_alarm_check(repeats, seed),
        margin_check(repeats, seed),
        found_check(repeats, seed),
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


def false_alarm_check(repeats: int = 200, seed: int = 0) -> Check:
    """How often two equal subjects are called faster or slower."""
    comparisons = _comparisons(1.0, repeats, seed)
    outcomes = [one.outcome for one in comparisons]
    held = sum(one.low is not None and one.high is not None and one.low <= 1 <= one.high for one in comparisons)
    wrong = _share(outcomes, ("faster", "slower"))
    reason = (
        f"{wrong:.1%} of {repeats} comparisons of a subject with itself were called faster or slower, at most "
        f"{_FALSE_ALARMS:.0%} may be; {_share(outcomes, ('equivalent',)):.1%} were called equivalent, "
        f"{held / repeats:.1%} of the intervals held 1"
    )
    return Check("false alarms", wrong, _FALSE_ALARMS, "fraction", wrong <= _FALSE_ALARMS, reason, repeats)


def margin_check(repeats: int = 200, seed: int = 0) -> Check:
    """How often a difference that just does not matter is called slower: the hardest case that must not be."""
    wrong = _share([one.outcome for one in _comparisons(1 + MARGIN, repeats, seed + 1)], ("slower",))
    reason = (
        f"{wrong:.1%} of {repeats} slowdowns by the margin of {MARGIN:.0%} were called slower, "
        f"at most {_FALSE_ALARMS:.0%} may be"
    )
    return Check(
        "false alarms at the margin", wrong, _FALSE_ALARMS, "fraction", wrong <= _FALSE_ALARMS, reason, repeats
    )


def found_check(repeats: int = 200, seed: int = 0) -> Check:
    """How often a slowdown by 5 % is called slower."""
    found = _share([one.outcome for one in _comparisons(1.05, repeats, seed + 2)], ("slower",))
    reason = f"{found:.1%} of {repeats} slowdowns by 5 % were found, at least {_FOUND:.0%} must be"
    return Check("slowdown found", found, _FOUND, "fraction", found >= _FOUND, reason, repeats)


def interleaved(
    factor: float, blocks: int, random: np.random.Generator, noise: Noise | None = None
) -> tuple[Blocked, Blocked]:
    """Two subjects of 1 ms in turn (AB BA), the first ``factor`` times as slow as the second."""
    blur = noise or Noise()
    machine = blur.machine * _wandering(random, (1, 2 * blocks), blur.machine_memory)[0]
    turns = np.arange(2 * blocks).reshape(blocks, 2)
    turns[1::2] = turns[1::2, ::-1]
    first, second = (_series(machine[turns[:, place]], random, blur) for place in (0, 1))
    return _synthetic(factor * first), _synthetic(second)


def _comparisons(factor: float, repeats: int, seed: int) -> list[Comparison]:
    random = np.random.default_rng(seed)
    pairs = [interleaved(factor, 20, random) for _ in range(repeats)]
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
        f"{share:.1%} of {repeats} intervals from {n} samples held the true p{percent:g}, "
        f"expected {least:.0%} to {most:.0%}"
    )
    return Check(f"interval of p{percent:g}", share, 0.95, "fraction", least <= share <= most, reason, repeats)


def _share(outcomes: list[Outcome], wanted: tuple[Outcome, ...]) -> float:
    return sum(one in wanted for one in outcomes) / len(outcomes)


def _series(machine: NDArray[np.float64], random: np.random.Generator, noise: Noise) -> NDArray[np.float64]:
    """Latencies in ns, of shape ``(blocks, samples)``, in blocks that met these moods of the machine."""
    blocks = len(machine)
    mood = machine + random.normal(0, noise.block, blocks)
    samples = noise.sample * _wandering(random, (blocks, _SAMPLES_PER_BLOCK), noise.sample_memory)
    stalled = np.where(random.random(samples.shape) < noise.stalls, 3.0, 1.0)
    latencies: NDArray[np.float64] = 1e6 * np.exp(mood[:, None] + samples) * stalled
    return latencies


def _wandering(random: np.random.Generator, shape: tuple[int, int], memory: float) -> NDArray[np.float64]:
    """First-order autoregression of variance 1 along the rows."""
    values = random.normal(0, 1, shape)
    values[:, 1:] *= np.sqrt(1 - memory**2)
    for place in range(1, shape[1]):
        values[:, place] += memory * values[:, place - 1]
    return values


def _synthetic(latencies: NDArray[np.float64]) -> Synthetic:
    blocks, length = latencies.shape
    return Synthetic(tuple(int(one) for one in latencies.ravel()), (length,) * blocks)
