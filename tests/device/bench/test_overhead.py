from __future__ import annotations

import itertools
import time

import pytest

from edgetl.device.bench.overhead import overhead_finding, overhead_ns, timer_pair_ns


def test_overhead_is_what_an_empty_subject_takes() -> None:
    ticks = itertools.count(step=130)
    assert overhead_ns(lambda: next(ticks)) == timer_pair_ns(lambda: next(ticks)) == 130


def test_overhead_with_several_streams_has_the_cost_of_starting_them() -> None:
    assert overhead_ns(time.perf_counter_ns, streams=2) > overhead_ns(time.perf_counter_ns)


def test_overhead_above_one_per_cent_of_the_median_is_named() -> None:
    finding = overhead_finding(1_200.0, 100_000)
    assert finding is not None
    assert (finding.code, finding.severity) == ("W-OVERHEAD", "degraded")
    assert "1.20 us to a median of 100.00 us (1.2 %)" in finding.message


@pytest.mark.parametrize("overhead", [1_000.0, 130.0])
def test_overhead_up_to_one_per_cent_is_not(overhead: float) -> None:
    assert overhead_finding(overhead, 100_000) is None
