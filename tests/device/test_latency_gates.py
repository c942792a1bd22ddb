from __future__ import annotations

from edgetl.device.bench.timing import Timed, latency
from edgetl.device.latency_gates import gate_checks, gated_percents
from edgetl.gates import TargetGates
from edgetl.result import Cold, Latency

COLD = Cold(1, 1, 1, 120_000_000)


def measured(n: int, ms: float = 3.0) -> Latency:
    return latency(Timed((int(ms * 1e6),) * n, (n,), 5, True), "infer")


def test_no_limits_no_checks() -> None:
    assert gate_checks(measured(700), COLD, TargetGates()) == ()
    assert gated_percents(TargetGates()) == ()


def test_a_limit_is_judged_in_milliseconds() -> None:
    (kept,) = gate_checks(measured(700), COLD, TargetGates(latency_p99_ms_max=3.0))
    (missed,) = gate_checks(measured(700), COLD, TargetGates(latency_p99_ms_max=2.9))
    assert (kept.passed, missed.passed) == (True, False)
    assert missed.reason == "3.00 ms over 700 inferences, at most 2.9 ms is allowed"
    assert gated_percents(TargetGates(latency_p99_ms_max=3.0)) == (99.0,)


def test_a_percentile_without_enough_samples_fails_and_says_how_many_are_needed() -> None:
    (check,) = gate_checks(measured(100), COLD, TargetGates(latency_p99_ms_max=50.0))
    assert not check.passed
    assert check.value is None
    assert "needs 662 samples, got 100" in check.reason


def test_peak_memory_is_judged_and_unknown_fails() -> None:
    gates = TargetGates(peak_memory_mb_max=100.0)
    assert not gate_checks(measured(64), COLD, gates)[0].passed
    assert gate_checks(measured(64), Cold(1, 1, 1, 99_000_000), gates)[0].passed
    assert not gate_checks(measured(64), Cold(1, 1, 1, None), gates)[0].passed


def test_invalid_timing_passes_no_limit_on_latency_and_says_nothing_of_memory() -> None:
    gates = TargetGates(latency_p50_ms_max=9.0, latency_p99_ms_max=9.0, peak_memory_mb_max=150.0)
    supported, unsupported, memory = gate_checks(measured(100), COLD, gates, "W-THROTTLED: it was hot")
    assert (supported.passed, unsupported.passed, memory.passed) == (False, False, True)
    assert supported.reason == (
        "3.00 ms, no more than 3.00 ms with 99 % confidence over 100 inferences; at most 9 ms is allowed, but the "
        "timing is invalid and judges nothing (W-THROTTLED: it was hot); qualify again"
    )
    assert supported.value == 3.0
    assert "needs 662 samples" in unsupported.reason


def test_a_percentile_within_its_limit_fails_until_that_is_proven_and_says_what_it_takes() -> None:
    samples = (9_000_000,) * 697 + (11_000_000,) * 3
    (check,) = gate_checks(
        latency(Timed(samples, (700,), 5, True), "infer"), COLD, TargetGates(latency_p99_ms_max=10.0)
    )
    assert (check.passed, check.value, check.n) == (False, 9.0, 700)
    assert check.reason == (
        "9.00 ms, but 700 inferences show only that it is no more than 11.00 ms with 99 % confidence, and at most 10 "
        "ms is allowed; about 2,010 inferences would show it: qualify with a longer --effort"
    )


def test_what_no_number_of_inferences_will_show_is_said() -> None:
    samples = (9_000_000,) * 693 + (11_000_000,) * 7
    (check,) = gate_checks(
        latency(Timed(samples, (700,), 5, True), "infer"), COLD, TargetGates(latency_p99_ms_max=10.0)
    )
    assert not check.passed
    assert check.reason.endswith("it is so close to the limit that no number of inferences will show it")
