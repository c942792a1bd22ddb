"""Whether comparing separate runs keeps what it promises, by simulation."""

from __future__ import annotations

import numpy as np

from edgetl.check import Check
from edgetl.device.bench.plan import MIN_BLOCKS
from edgetl.device.bench.selftest.noise import Noise, one_run
from edgetl.samples.comparison import Comparison, compare, verdicts

_FALSE_ALARMS, _COVERAGE, _FOUND = 0.05, 0.9, 0.7
_QUIET = Noise(machine=0.0)
"""A machine without moods, whose blocks are independent."""


def separate_checks(repeats: int = 200, seed: int = 0) -> tuple[Check, ...]:
    """False alarms and coverage on a moody machine, and what is found on a quiet one.

    Each side is one run, of the fewest blocks that any effort has.
    """
    same = _comparisons(1.0, repeats, seed + 3, Noise())
    return _false_alarms(same), _coverage(same), _found(_comparisons(1.1, repeats, seed + 4, _QUIET))


def share_holding_one(same: list[Comparison]) -> float:
    """Of comparisons of a subject with itself, those whose interval of the ratio holds 1, which is the truth."""
    return sum(one.low is not None and one.high is not None and one.low <= 1 <= one.high for one in same) / len(same)


def _false_alarms(same: list[Comparison]) -> Check:
    wrong = _share(same, ("faster", "slower"))
    reason = (
        f"{wrong * 100:.1f} % of {len(same)} comparisons of separate runs of the same subject were called faster "
        f"or slower, at most {_FALSE_ALARMS * 100:.0f} % may be"
    )
    name = "false alarms between separate runs"
    return Check(name, wrong, _FALSE_ALARMS, "fraction", wrong <= _FALSE_ALARMS, reason, len(same))


def _coverage(same: list[Comparison]) -> Check:
    held = share_holding_one(same)
    reason = (
        f"{held * 100:.1f} % of {len(same)} intervals of separate runs of the same subject held 1, "
        f"at least {_COVERAGE * 100:.0f} % must"
    )
    return Check("interval of separate runs", held, _COVERAGE, "fraction", held >= _COVERAGE, reason, len(same))


def _found(slower: list[Comparison]) -> Check:
    found = _share(slower, ("slower",))
    reason = (
        f"{found * 100:.1f} % of {len(slower)} slowdowns by 10 % between separate runs of a quiet machine were found, "
        f"at least {_FOUND * 100:.0f} % must be"
    )
    name = "slowdown found between separate runs"
    return Check(name, found, _FOUND, "fraction", found >= _FOUND, reason, len(slower))


def _comparisons(factor: float, repeats: int, seed: int, noise: Noise) -> list[Comparison]:
    random = np.random.default_rng(seed)
    pairs = [[one_run(times, MIN_BLOCKS, random, noise) for times in (factor, 1.0)] for _ in range(repeats)]
    return [compare(*pair, paired=False, seed=seed + place) for place, pair in enumerate(pairs)]


def _share(comparisons: list[Comparison], wanted: tuple[str, ...]) -> float:
    return sum(verdicts([one])[0][1] in wanted for one in comparisons) / len(comparisons)
