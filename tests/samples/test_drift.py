"""Whether latency changed while it was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from edgetl.device.bench.selftest.noise import Noise, one_run
from edgetl.samples.drift import drift

Floats: TypeAlias = NDArray[np.float64]


def blocks_of(medians: list[float], seed: int) -> tuple[list[int], list[int]]:
    random = np.random.default_rng(seed)
    samples = [int(1e6 * median * random.lognormal(0, 0.02)) for median in medians for _ in range(20)]
    return samples, [20] * len(medians)


def test_growing_latency_drifts() -> None:
    found = drift(*blocks_of([1 + 0.01 * place for place in range(20)], 5))
    assert found is not None
    assert found.is_drifting
    assert found.low < found.change < found.high
    assert found.change == pytest.approx(0.14, abs=0.03)


def test_change_that_is_proven_but_small_is_no_drift() -> None:
    found = drift(*blocks_of([1.0] * 200 + [1.01] * 200, 6))
    assert found is not None
    assert found.low > 0
    assert not found.is_drifting


def test_change_that_is_large_but_not_proven_is_no_drift() -> None:
    found = drift(*blocks_of([1.0, 1.5, 1.0, 1.2, 1.2, 1.2, 1.5, 1.0, 1.5], 7))
    assert found is not None
    assert abs(found.change) > 0.02
    assert not found.is_drifting


@pytest.mark.parametrize("blocks", [10, 20])
def test_steady_runs_seldom_drift(blocks: int) -> None:
    random = np.random.default_rng(blocks)
    runs = [blocks_of(list(np.exp(random.normal(0, 0.03, blocks))), seed) for seed in range(300)]
    found = [one for run in runs if (one := drift(*run)) is not None]
    assert len(found) == 300
    assert sum(one.is_drifting for one in found) / 300 <= 0.05
    assert sum(one.low <= 0 <= one.high for one in found) / 300 >= 0.95


@pytest.mark.parametrize("blocks", [10, 20, 60])
def test_moods_of_the_machine_seldom_pass_for_drift(blocks: int) -> None:
    random = np.random.default_rng(blocks)
    runs = [one_run(1.0, blocks, random, Noise()) for _ in range(200)]
    found = [one for run in runs if (one := drift(run.samples_ns, run.blocks)) is not None]
    assert len(found) == 200
    assert sum(one.is_drifting for one in found) / 200 <= 0.12
    assert sum(one.low <= 0 <= one.high for one in found) / 200 >= 0.88


SLOWDOWNS: dict[str, Callable[[Floats], Floats]] = {
    "slope": lambda times: 1 + 0.375 * times,
    "step": lambda times: 1 + 0.25 * (times > 0.5),
    "sevenfold": lambda times: 1 + 6 * times,
}


@pytest.mark.parametrize("blocks", [20, 60])
@pytest.mark.parametrize("shape", SLOWDOWNS)
def test_slowdown_is_found_on_a_quiet_machine(blocks: int, shape: str) -> None:
    random = np.random.default_rng(blocks)
    slower = SLOWDOWNS[shape](np.linspace(0, 1, blocks))
    found = 0
    for _ in range(40):
        run = one_run(1.0, blocks, random, Noise(machine=0.0))
        samples = np.asarray(run.samples_ns) * np.repeat(slower, run.blocks)
        one = drift(samples.astype(int).tolist(), run.blocks)
        found += one is not None and one.is_drifting
    assert found >= 36


def test_what_never_varies_does_not_drift() -> None:
    found = drift([5] * 90, [10] * 9)
    assert found is not None
    assert (found.change, found.low, found.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)
    assert not found.is_drifting


def test_too_few_blocks_do_not_tell_drift() -> None:
    assert drift(*blocks_of([1.0] * 4 + [9.0] * 4, 9)) is None
    assert drift([], []) is None


def test_changes_beyond_all_measure_are_numbers() -> None:
    found = drift([1, 10**18, 1, 1, 5, 1, 1, 1, 10**18], [1] * 9)
    assert found is not None
    assert not found.is_drifting
    assert all(np.isfinite((found.change, found.low, found.high)))
