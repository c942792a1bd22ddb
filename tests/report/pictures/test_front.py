"""Accuracy against latency."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edgetl.evaluation import Interval
from edgetl.report.pictures.front import Spot, front_picture, pareto
from edgetl.result import CandidateResult, Result


def spot(candidate: CandidateResult, name: str, ms: float, percent: float) -> Spot:
    return Spot(replace(candidate, name=name), (ms, ms, ms), (percent, percent, percent))


def test_front_holds_what_nothing_beats(full: Result) -> None:
    good, failed = full.candidates[1], full.candidates[2]
    spots = [
        spot(good, "slow and best", 9, 90),
        spot(good, "fast", 2, 80),
        spot(good, "as fast and worse", 2, 79),
        spot(good, "slower and no better", 3, 80),
        spot(failed, "best of all, but failed", 1, 99),
        spot(replace(good, rejected_because="slower than the chosen one"), "between", 5, 85),
    ]
    assert [one.candidate.name for one in pareto(spots)] == ["fast", "between", "slow and best"]


def test_rejected_are_hollow_and_the_chosen_one_has_a_ring(full: Result, read: Any) -> None:
    circles = [one.attrib["class"] for one in read(front_picture(full)).all("circle")]
    legend, points = circles[:4], circles[4:]
    assert sorted(legend) == ["first", "first", "first open", "other hollow"]
    assert sorted(points) == ["first", "first", "first open", "other hollow", "other hollow"]


def test_points_tell_intervals_and_conditions(full: Result) -> None:
    chart = front_picture(full)
    assert chart is not None
    told = dict(chart.marks[0].rows)
    assert chart.marks[0].title == full.selected
    assert told["balanced accuracy"] == "87.2 % (85.2 to 89.0 %)"
    assert told["verdict"] == "chosen"
    assert told["measured"] == "inference alone; single-stream"
    low, high = (float(one.split()[0]) for one in told["median"].split("(")[1].split(" to "))
    assert low <= float(told["median"].split()[0]) <= high


def test_unsupported_percentile_is_said_to_be_so(result: Result) -> None:
    chart = front_picture(result)
    assert chart is not None
    assert dict(chart.marks[0].rows)["p99"] == "too few samples"


def test_words_do_not_overlap(full: Result, check_layout: Any) -> None:
    check_layout(front_picture(full))


@pytest.mark.parametrize("missing", ["accuracy", "latency"])
def test_without_both_numbers_there_is_no_point(missing: str, full: Result) -> None:
    candidates = tuple(replace(one, **{missing: None}) for one in full.candidates)
    assert front_picture(replace(full, candidates=candidates)) is None


def test_accuracy_that_is_no_number_is_left_out(full: Result) -> None:
    nan = Interval("accuracy", float("nan"), (0.1, 0.2), 10)
    candidates = tuple(replace(one, accuracy=nan) for one in full.candidates)
    assert front_picture(replace(full, candidates=candidates)) is None
