"""Pictures with a row per variant or candidate."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.evaluation import Evaluation, Interval, Metrics
from edgetl.report.pictures.accuracy import accuracy_picture
from edgetl.report.pictures.latency import latency_picture
from edgetl.result import Result

FRACTION = st.floats(0, 1)


def evaluation(variant: str, value: float, low: float, high: float) -> Evaluation:
    test = Metrics((Interval("accuracy", value, (low, high), 656),))
    return Evaluation(variant, "onnxruntime", None, "none", test, ())


def test_every_variant_has_its_accuracy_and_interval(read: Any) -> None:
    found = read(accuracy_picture([evaluation("fp32", 0.877, 0.85, 0.9), evaluation("int8", 0.87, 0.84, 0.89)]))
    assert "87.7 % (85.0 to 90.0 %)" in found.texts
    assert "int8: 87.0 % (84.0 to 89.0 %), n = 656" in found.tooltips


def test_interval_is_drawn_from_its_low_to_its_high_end(read: Any) -> None:
    found = read(accuracy_picture([evaluation("fp32", 0.85, 0.8, 0.9)]))
    whisker = next(one for one in found.all("line") if one.attrib["class"] == "first")
    dot = found.all("circle")[0]
    ticks = {one.text: float(one.attrib["x"]) for one in found.all("text")}
    assert float(whisker.attrib["x1"]) == ticks["80"]
    assert float(whisker.attrib["x2"]) == ticks["90"]
    assert float(dot.attrib["cx"]) == pytest.approx((ticks["80"] + ticks["90"]) / 2, abs=0.11)


def test_model_without_labels_has_no_accuracy_picture() -> None:
    assert accuracy_picture([Evaluation("fp32", "onnxruntime", None, "none", None, ())]) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=60), FRACTION, FRACTION, FRACTION), min_size=1, max_size=6))
def test_any_accuracies_keep_their_words_apart(check_layout: Any, rows: list[tuple[str, float, float, float]]) -> None:
    check_layout(accuracy_picture([evaluation(*row) for row in rows]))


def test_chosen_candidate_stands_first_and_is_named_so(read: Any, check_layout: Any, result: Result) -> None:
    drawn = latency_picture(result)
    check_layout(drawn)
    found = read(drawn)
    assert "int8/openvino/int8/2t: 3.10 ms, chosen" in found.tooltips
    assert [word for word in found.texts if word.startswith(("int8/", "fp32/"))] == [
        "int8/openvino/int8/2t",
        "fp32/onnxruntime/fp32/2t",
    ], "the third was not timed"


def test_bars_are_as_long_as_the_medians(read: Any, result: Result) -> None:
    bars = [one for one in read(latency_picture(result)).all("rect") if one.attrib["class"] in ("first", "other")]
    fast, slow = (float(bar.attrib["width"]) for bar in bars)
    assert slow / fast == pytest.approx(6.5 / 3.1, rel=0.01)


def test_nothing_timed_is_no_picture(result: Result) -> None:
    untimed = tuple(msgspec.structs.replace(one, latency=None) for one in result.candidates)
    assert latency_picture(msgspec.structs.replace(result, candidates=untimed)) is None
