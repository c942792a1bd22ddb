"""What is kept of a series that has become too long."""

from __future__ import annotations

import itertools
from array import array

import pytest

from edgetl.device.bench.timing.rounds import every_second, halved


@pytest.mark.parametrize("blocks", [(4, 4), (5, 1, 2), (1, 1), (0, 3)], ids=str)
def test_every_second_sample_of_each_block_is_kept(blocks: tuple[int, ...]) -> None:
    samples = array("q", range(sum(blocks)))
    kept, lengths = every_second(samples, blocks), halved(blocks)
    assert len(kept) == sum(lengths)
    ends = list(itertools.accumulate(blocks))
    for length, end, last in zip(lengths, ends, itertools.accumulate(lengths), strict=True):
        assert list(kept[last - length : last]) == list(range(end - 2 * length + 1, end, 2))
