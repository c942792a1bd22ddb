from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.device.bench.overhead import adapter_ns, added, overhead_finding, overhead_ns, timer_pair_ns
from edgetl.device.bench.timing import Clock
from edgetl.device.checked_runner import CheckedRunner, idle_runner
from edgetl.device.feeds import random_feeds
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, TensorSpec

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


def runner(takes_ns: int, tells_ns: int | None) -> tuple[CheckedRunner, Clock]:
    """A runtime whose calls take so long, of which it tells so much, and the clock that they move."""
    now_ns = 0

    def call(_: dict[str, Array]) -> Sequence[Array]:
        nonlocal now_ns
        now_ns += takes_ns
        return (np.empty((1, 3), np.float32),)

    tells = None if tells_ns is None else lambda: tells_ns
    return CheckedRunner("it", (IMAGE,), (SCORES,), call, tells), lambda: now_ns


def test_an_adapter_takes_what_neither_the_runtime_nor_the_harness_does() -> None:
    slow, clock = runner(takes_ns=3_400_000, tells_ns=3_300_000)
    assert adapter_ns(slow, FEEDS, clock, harness_ns=2_000) == 98_000


@pytest.mark.parametrize(("tells_ns", "found"), [(3_400_000, 0.0), (None, None)], ids=["nothing", "untold"])
def test_an_adapter_never_takes_less_than_nothing_and_may_be_unknown(tells_ns: int | None, found: float | None) -> None:
    slow, clock = runner(3_400_000, tells_ns)
    assert adapter_ns(slow, FEEDS, clock, 2_000) == found


def test_slow_models_are_asked_five_times() -> None:
    slow, clock = runner(10**9, 10**9 - 5)
    assert adapter_ns(slow, FEEDS, clock, 0) == 5
    assert clock() == 5 * 10**9


def test_several_streams_leave_the_adapter_unknown() -> None:
    quick, _ = runner(1, 1)
    assert added(quick, FEEDS, time.perf_counter_ns, streams=2).adapter_ns is None


def test_openvino_tells_its_own_time(classifier: Path) -> None:
    pytest.importorskip("openvino")
    loaded = find(BACKENDS, "openvino", "runtime").load(classifier, LoadOptions(threads=1))
    found = added(loaded, random_feeds(loaded.inputs, 0), time.perf_counter_ns)
    loaded.close()
    assert found.adapter_ns is not None
    assert found.adapter_ns > 0


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
