"""The statistics keep their promises, and the checks can fail."""

from __future__ import annotations

import numpy as np
import pytest

from edgetl.device.bench.selftest import statistics
from edgetl.device.bench.selftest.noise import Noise, interleaved
from edgetl.device.bench.selftest.statistics import statistics_checks


@pytest.mark.slow
def test_every_promise_is_kept() -> None:
    assert [check.reason for check in statistics_checks() if not check.passed] == []


def test_thresholds_are_exact() -> None:
    check = statistics.thresholds_check()
    assert (check.passed, check.value) == (True, 0.0)
    assert check.reason == "p90: 64, p95: 130, p99: 662, p99.9: 6636"


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    found = statistics.coverage_checks(repeats=300, seed=1)
    assert len(found) == 3
    assert all(0.9 <= (check.value or 0) <= 0.99 for check in found)


def test_equal_subjects_raise_no_alarm_and_a_slowdown_is_found() -> None:
    for check in (*statistics.equal_checks(30), statistics.margin_check(30), statistics.found_check(60)):
        assert check.passed, check.reason


def test_short_blocks_find_less() -> None:
    shares = [check.value for length in (3, 10) if (check := statistics.found_check(100, length=length))]
    assert shares[0] is not None
    assert shares[1] is not None
    assert 0.6 <= shares[0] <= 0.8 < 0.9 <= shares[1]


def test_check_fails_where_the_promise_is_broken() -> None:
    assert not statistics._coverage_check(50.0, 20, 500, _Optimist(0)).passed
    assert not statistics._held(statistics._comparisons(1.1, 20, 0)).passed


class _Optimist(np.random.Generator):
    """Draws from a distribution whose median is not the one expected."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))

    def exponential(self, scale: float, size: int) -> np.ndarray:  # type: ignore[override]
        return 2 * super().exponential(scale, size)


def test_noise_is_as_told() -> None:
    random = np.random.default_rng(0)
    first, second = interleaved(2.0, 400, random, Noise(machine=0, block=0, sample=0.05, sample_memory=0.6, stalls=0))
    logs = np.log(np.reshape(second.samples_ns, (400, 20)) / 1e6)
    assert logs.std() == pytest.approx(0.05, rel=0.05)
    assert np.mean(logs[:, 1:] * logs[:, :-1]) / logs.var() == pytest.approx(0.6, abs=0.05)
    assert np.median(first.samples_ns) / np.median(second.samples_ns) == pytest.approx(2.0, rel=0.01)
    assert first.blocks == (20,) * 400


def test_moods_of_the_machine_meet_neighbouring_blocks_alike() -> None:
    random = np.random.default_rng(0)
    quiet = Noise(machine=0.05, machine_memory=0.99, block=0, sample=0, stalls=0)
    first, second = (np.reshape(one.samples_ns, (200, 20))[:, 0] for one in interleaved(1.0, 200, random, quiet))
    assert np.corrcoef(np.log(first), np.log(second))[0, 1] > 0.95
