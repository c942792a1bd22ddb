"""When samples were taken, and when a device slowed itself down."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgetl.report.pictures.moments import sample_times, throttlings
from edgetl.result import CandidateResult, Latency, Result
from edgetl.scenario import Scenario
from edgetl.telemetry import Channel, Quantity, Series, Telemetry


def of(result: Result, starts: tuple[int, ...]) -> Result:
    latency = Latency("infer", 4, *(5,) * 5, 5, 9, 0, True, (5, 6, 7, 8), (2, 2), starts)
    return replace(result, candidates=(replace(result.candidates[0], latency=latency),))


def test_samples_follow_each_other_within_a_block(result: Result) -> None:
    found = sample_times(of(result, (100, 1_000)).candidates[0], None)
    assert found is not None
    assert found.tolist() == [100, 105, 1_000, 1_007]


def test_samples_with_a_rate_begin_at_that_rate(result: Result) -> None:
    found = sample_times(of(result, (0, 10**9)).candidates[0], Scenario("periodic", rate_hz=10))
    assert found is not None
    assert found.tolist() == [0, 1e8, 1e9, 1.1e9]


def ending(result: Result, ends: tuple[int, ...], service: tuple[int, ...] | None = None) -> CandidateResult:
    """Two blocks that began at 100 and 1,000."""
    candidate = of(result, (100, 1_000)).candidates[0]
    assert candidate.latency is not None
    latency = replace(candidate.latency, block_ends_ns=ends)
    work = None if service is None else replace(latency, samples_ns=service)
    return replace(candidate, latency=latency, service=work)


def test_of_several_inferences_the_last_is_timed(result: Result) -> None:
    """Of samples 5 and 6, each with two more before it, and 7 and 8 with one more: blocks of 33 and 30."""
    found = sample_times(ending(result, (133, 1_030)), None)
    assert found is not None
    assert found.tolist() == [110, 127, 1_007, 1_022]


def test_at_a_rate_inferences_end_evenly_up_to_the_end_of_their_block(result: Result) -> None:
    found = sample_times(ending(result, (300, 1_400), service=(5, 5, 3, 3)), Scenario("periodic", rate_hz=1e5))
    assert found is not None
    assert found.tolist() == [195, 295, 1_197, 1_397]


@pytest.mark.parametrize("ends", [(133,), (90, 1_030)], ids=["too few", "before it began"])
def test_ends_that_do_not_fit_are_not_used(ends: tuple[int, ...], result: Result) -> None:
    found = sample_times(ending(result, ends), None)
    assert found is not None
    assert found.tolist() == [100, 105, 1_000, 1_007]


@pytest.mark.parametrize("starts", [(), (1,), (1, 2, 3)])
def test_moments_are_unknown_when_starts_do_not_fit_blocks(starts: tuple[int, ...], result: Result) -> None:
    assert sample_times(of(result, starts).candidates[0], None) is None


@pytest.mark.parametrize(
    ("quantity", "values", "moments"),
    [
        ("throttle-count", (7.0, 7.0, None, 9.0, 9.0), [30]),
        ("throttle-state", (1.0, 1.0, 0.0, 1.0, None), [0, 30]),
        ("throttle-state", (0.0, None, 0.0, 0.0, 0.0), []),
        ("temperature", (1.0, 2.0, 3.0, 4.0, 5.0), []),
    ],
    ids=["count", "state", "never", "no throttle"],
)
def test_throttling_is_a_rise(quantity: Quantity, values: tuple[float | None, ...], moments: list[int]) -> None:
    series = Series(Channel("s", "n", quantity), (0, 10, 20, 30, 40), values)
    assert [event.at_ns for event in throttlings(Telemetry(10, (series,)))] == moments


def test_without_telemetry_nothing_is_known_to_throttle() -> None:
    assert throttlings(None) == ()
