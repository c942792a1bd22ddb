from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from edgetl.device.bench.overhead import overhead_finding, overhead_ns, timer_pair_ns
from edgetl.device.checked_runner import idle_runner
from edgetl.device.feeds import random_feeds
from edgetl.tensors import TensorSpec

IMAGE, SCORES = TensorSpec("image", "uint8", (1, 8, 8, 3)), TensorSpec("scores", "float32", (1, 3))
FEEDS = random_feeds((IMAGE,), 0)


def test_overhead_has_what_a_runner_does_around_the_call_of_its_runtime() -> None:
    now_ns = 0

    class Slow(dict[str, Any]):
        """Feeds of which looking one up takes 700 ns."""

        def get(self, name: str, default: object = None) -> Any:
            nonlocal now_ns
            now_ns += 700
            return super().get(name, default)

    assert overhead_ns(idle_runner((IMAGE,), (SCORES,)), (Slow(FEEDS[0]),), lambda: now_ns) == 700


def test_overhead_with_several_streams_has_the_cost_of_starting_them() -> None:
    runner = idle_runner((IMAGE,), (SCORES,))
    assert overhead_ns(runner, FEEDS, time.perf_counter_ns, streams=2) > overhead_ns(
        runner, FEEDS, time.perf_counter_ns
    )


def test_reading_the_clock_is_part_of_it() -> None:
    ticks = itertools.count(step=130)
    assert timer_pair_ns(lambda: next(ticks)) == 130
    assert overhead_ns(idle_runner((IMAGE,), (SCORES,)), FEEDS, lambda: next(ticks)) == 130


def test_overhead_above_one_per_cent_of_the_median_is_named() -> None:
    finding = overhead_finding(1_200.0, 100_000)
    assert finding is not None
    assert (finding.code, finding.severity) == ("W-OVERHEAD", "degraded")
    assert "1.20 us to a median of 100.00 us (1.2 %)" in finding.message


@pytest.mark.parametrize("overhead", [1_000.0, 130.0])
def test_overhead_up_to_one_per_cent_is_not(overhead: float) -> None:
    assert overhead_finding(overhead, 100_000) is None
