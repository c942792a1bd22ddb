"""Faster, slower, equivalent, inconclusive."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from edgetl.samples.comparison import compare, verdicts
from edgetl.samples.ratio import paired_ratio


@dataclass(frozen=True)
class Blocks:
    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]


def series(median_ms: float, seed: int, blocks: int = 20, mood: float = 0.005) -> Blocks:
    random = np.random.default_rng(seed)
    moods = random.normal(1, mood, blocks)
    samples = [int(1e6 * median_ms * one * random.lognormal(0, 0.02)) for one in moods for _ in range(20)]
    return Blocks(tuple(samples), (20,) * blocks)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("factor", "outcome"), [(0.9, "faster"), (1.1, "slower"), (1.0, "equivalent"), (1.005, "equivalent")]
)
def test_clear_cases_are_called_by_their_names(factor: float, outcome: str, paired: bool) -> None:
    assert compare(series(factor, 1), series(1.0, 2), paired=paired).outcome == outcome


def test_proven_difference_within_the_margin_is_equivalent() -> None:
    found = compare(series(1.01, 1, 60, 0.001), series(1.0, 2, 60, 0.001), paired=False)
    assert found.low is not None
    assert found.low > 1
    assert found.p is not None
    assert found.p < 0.02
    assert found.outcome == "equivalent"


def test_wide_interval_is_inconclusive() -> None:
    assert compare(series(1.0, 1, mood=0.2), series(1.0, 2, mood=0.2), paired=False).outcome == "inconclusive"


def test_difference_at_the_margin_is_inconclusive() -> None:
    assert compare(series(1.02, 1), series(1.0, 2), paired=False).outcome == "inconclusive"


def test_margin_decides_what_matters() -> None:
    assert compare(series(1.05, 1), series(1.0, 2), paired=False, margin=0.1).outcome == "equivalent"


def test_fewer_than_five_blocks_a_side_prove_nothing() -> None:
    found = compare(series(9.0, 1, blocks=4), series(1.0, 2), paired=False)
    assert (found.outcome, found.low, found.high, found.p) == ("inconclusive", None, None, None)
    assert found.ratio == pytest.approx(9, rel=0.05)
    assert compare(series(9.0, 1, blocks=12), series(1.0, 2), paired=False).outcome == "slower"


def test_what_meets_both_alike_cancels_out_of_pairs_only() -> None:
    moods = np.random.default_rng(3).normal(1, 0.2, 20)
    first, second = (
        Blocks(
            tuple(
                int(one * mood)
                for mood, part in zip(moods, np.reshape(s.samples_ns, (20, 20)), strict=True)
                for one in part
            ),
            s.blocks,
        )
        for s in (series(1.1, 1), series(1.0, 2))
    )
    assert compare(first, second, paired=True).outcome == "slower"
    assert compare(first, second, paired=False).outcome == "inconclusive"


def test_unpaired_sides_may_differ_in_blocks() -> None:
    found = compare(series(1.1, 1, blocks=12), series(1.0, 2, blocks=40), paired=False)
    assert found.blocks == (12, 40)
    assert found.outcome == "slower"


def test_swapped_sides_have_the_inverse_ratio() -> None:
    one, other = series(1.1, 1), series(1.0, 2)
    there, back = (compare(*pair, paired=True) for pair in ((one, other), (other, one)))
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert (there.outcome, back.outcome) == ("slower", "faster")
    assert there.p == back.p


def test_seed_decides_the_interval() -> None:
    one, other = series(1.0, 1), series(1.0, 2)
    assert compare(one, other, paired=False, seed=4) == compare(one, other, paired=False, seed=4)
    assert compare(one, other, paired=False, seed=4) != compare(one, other, paired=False, seed=5)


def test_interval_of_ten_blocks_holds_the_truth_as_often_as_it_says() -> None:
    found = [paired_ratio(series(1.0, i, 10, 0.02), series(1.0, 999 + i, 10, 0.02), i) for i in range(80)]
    assert sum(one.low <= 1 <= one.high for one in found) >= 72


def test_blocks_that_follow_a_mood_count_for_fewer() -> None:
    found = [compare(moody(seed, 20), moody(900 + seed, 20), paired=False) for seed in range(10)]
    few = [one for one in found if one.effective_blocks is not None and min(one.effective_blocks) < 5]
    assert len(few) >= 7
    assert {one.outcome for one in few} == {"inconclusive"}
    assert compare(series(1.0, 1), series(1.0, 2), paired=True).effective_blocks is None


def moody(seed: int, blocks: int) -> Blocks:
    """A machine whose mood lasts for ten blocks."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.03, blocks)
    for place in range(1, blocks):
        steps[place] = 0.9 * steps[place - 1] + np.sqrt(1 - 0.81) * steps[place]
    samples = [int(1e6 * np.exp(mood) * random.lognormal(0, 0.02)) for mood in steps for _ in range(20)]
    return Blocks(tuple(samples), (20,) * blocks)


@pytest.mark.parametrize("blocks", [10, 20])
def test_separate_runs_of_the_same_are_seldom_told_apart(blocks: int) -> None:
    found = [compare(moody(i, blocks), moody(5000 + i, blocks), paired=False, seed=i) for i in range(100)]
    assert sum(one.outcome in ("faster", "slower") for one in found) <= 8
    assert sum((one.low or 0) <= 1 <= (one.high or 0) for one in found) >= 84


def test_planted_slowdown_is_found_between_quiet_separate_runs() -> None:
    found = [compare(series(1.1, i), series(1.0, 5000 + i), paired=False, seed=i) for i in range(40)]
    judged = [verdicts([one])[0][1] for one in found]
    assert judged.count("slower") >= 28
    assert not judged.count("faster")


def test_what_is_not_significant_among_so_many_is_inconclusive() -> None:
    (one,) = [compare(series(1.5, 1, blocks=7), series(1.0, 2, blocks=7), paired=True)]
    assert one.p == pytest.approx(2 / 2**7)
    assert verdicts([one]) == ((one.p, "slower"),)
    assert verdicts([one] * 4) == ((4 * one.p, "inconclusive"),) * 4
    unknown = compare(series(1.5, 1, blocks=3), series(1.0, 2, blocks=3), paired=True)
    assert verdicts([unknown, one]) == ((None, "inconclusive"), (one.p, "slower"))


def test_longer_separate_runs_prove_more() -> None:
    """As many independent stretches say as much, whether they are of one block or of ninety."""
    first, second = series(1.05, 1, blocks=1_800), series(1.0, 2, blocks=1_800)
    found = compare(first, second, paired=False)
    assert found.p is not None
    assert found.p < 0.05
    assert found.outcome == "slower"
