"""Latency over time, with sensors."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from msgspec.structs import replace

from edgetl.report.pictures.over_time import over_time_picture
from edgetl.result import Result
from edgetl.telemetry import Channel, Series


def drawn(result: Result, limit: int = 2_000) -> Any:
    return over_time_picture(result.candidates[1], result, "time.svg", limit)


def test_slowest_and_fastest_stay_however_few_points(full: Result) -> None:
    latency = full.candidates[1].latency
    assert latency is not None
    trace = drawn(full, 40).trace
    assert len(trace.values) <= 40
    values = [float(one) for one in trace.values]
    assert max(values) == float(f"{latency.max_ns / 1e6:.4g}")
    assert min(values) == float(f"{latency.min_ns / 1e6:.4g}")


def test_blocks_are_shaded_where_it_is_known_when_they_began(full: Result, read: Any) -> None:
    shades = [one for one in read(drawn(full)).all("rect") if one.attrib["class"] == "raised"]
    assert len(shades) == 6
    # Blocks begin every four seconds, and last sixth parts of 1,200 inferences of about 3 ms.
    lefts = [float(one.attrib["x"]) for one in shades]
    apart = {round(b - a) for a, b in pairwise(lefts)}
    assert max(apart) - min(apart) <= 1


def test_without_moments_inferences_are_counted(full: Result, read: Any) -> None:
    chosen = full.candidates[1]
    assert chosen.latency is not None
    untimed = replace(chosen, latency=replace(chosen.latency, block_starts_ns=()))
    chart = over_time_picture(untimed, full, "time.svg")
    assert chart is not None
    assert chart.marks == ()
    assert chart.trace is not None
    assert chart.trace.units == ("inference", "ms")
    assert chart.trace.across[0] == "1"
    assert chart.trace.across[-1] == "1200"
    assert "inferences, in time order" in read(chart).texts


def test_sensors_and_throttling_are_told(full: Result, read: Any) -> None:
    chart = drawn(full)
    told = [one.in_words for one in chart.marks]
    assert any(one.startswith("cpu-thermal, temperature: 50.5 to ") for one in told)
    assert any(one.startswith("cpu0, clock: 2.1 to 2.6 GHz") for one in told)
    assert [one for one in told if one.startswith("Throttled, when: 14 s, sensor: cpu core0")]
    assert any(text.startswith("throttled ") for text in read(chart).texts)


def test_throttling_again_and_again_is_one_mark(full: Result) -> None:
    assert full.telemetry is not None
    moments = tuple(1_005_000_000_000 + 10_000_000 * step for step in range(200))
    counts = Series(Channel("cpu", "core0", "throttle-count"), moments, tuple(map(float, range(200))))
    (told,) = drawn(replace(full, telemetry=replace(full.telemetry, series=(counts,)))).marks
    assert told.in_words == "Throttled, times: 199, when: 4.01 to 5.99 s, sensor: cpu core0"


def test_medians_are_drawn_where_only_extremes_are(full: Result, read: Any) -> None:
    assert not read(drawn(replace(full, telemetry=None))).all("polyline")
    assert len(read(drawn(replace(full, telemetry=None), 100)).all("polyline")) == 1


def test_machine_without_sensors_has_only_latency(full: Result, read: Any) -> None:
    chart = drawn(replace(full, telemetry=None))
    assert chart.marks == ()
    assert not [text for text in read(chart).texts if "throttled" in text]


def test_words_do_not_overlap(full: Result, check_layout: Any) -> None:
    check_layout(drawn(full))
    check_layout(drawn(full, 100))


def test_candidate_that_was_not_timed_has_no_picture(full: Result) -> None:
    assert over_time_picture(full.candidates[4], full, "time.svg") is None
