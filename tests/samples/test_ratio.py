from __future__ import annotations

import math

import numpy as np

from edgetl.device.bench.timing import Timed
from edgetl.samples.ratio import paired_ratio


def timed(median_ms: float, seed: int, blocks: int = 12, mood: float = 0.02) -> Timed:
    """Blocks of 20 samples; each block has a mood of its own."""
    random = np.random.default_rng(seed)
    moods = random.normal(1.0, mood, blocks)
    samples = [int(1e6 * median_ms * m * random.lognormal(0, 0.05)) for m in moods for _ in range(20)]
    return Timed(tuple(samples), (20,) * blocks, 10, True)


def test_a_clear_difference_is_proven() -> None:
    ratio = paired_ratio(timed(2.0, 1), timed(4.0, 2), seed=0)
    assert 0.45 < ratio.low < ratio.value < ratio.high < 0.55


def test_equal_subjects_have_an_interval_around_one() -> None:
    ratio = paired_ratio(timed(3.0, 3), timed(3.0, 4), seed=0)
    assert ratio.low < 1 < ratio.high


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    ratios = [paired_ratio(timed(3.0, 100 + i), timed(3.0, 900 + i), seed=i) for i in range(24)]
    assert sum(ratio.low <= 1 <= ratio.high for ratio in ratios) >= 20


def test_few_blocks_prove_nothing() -> None:
    ratio = paired_ratio(timed(1.0, 1, blocks=4), timed(9.0, 2, blocks=4), seed=0)
    assert (ratio.low, ratio.high) == (0.0, math.inf)


def test_the_seed_decides_the_interval() -> None:
    one, other = timed(2.0, 1), timed(2.1, 2)
    assert paired_ratio(one, other, seed=7) == paired_ratio(one, other, seed=7)


def test_only_blocks_that_ran_side_by_side_count() -> None:
    base = timed(2.0, 1)
    longer = Timed((*base.samples_ns, *([10**9] * 200)), (*base.blocks, 200), 10, True)
    assert paired_ratio(longer, base, seed=0).value == 1.0
