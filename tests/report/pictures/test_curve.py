"""The training curve."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.report.pictures.curve import training_picture
from edgetl.report.training import Epoch, epochs_from, in_words

MAYBE = st.none() | st.floats()
EPOCHS = st.lists(st.builds(Epoch, st.integers(0, 10**6), MAYBE, MAYBE, MAYBE, MAYBE), max_size=30)
CURVE = tuple(Epoch(n, 2.0 / n, 2.2 / n, 1 - 0.5 / n, 1e-3) for n in range(1, 9))


def test_dots_say_the_values_of_each_epoch(read: Any) -> None:
    found = read(training_picture(CURVE)).tooltips
    assert found[0] == "Training over 8 epochs: loss and accuracy"
    assert "training, epoch 2: loss 1" in found
    assert "validation, epoch 2: loss 1.1" in found
    assert "validation, epoch 2: accuracy, % 75" in found
    assert len(found) == 1 + 3 * 8


def test_dots_lie_where_the_axis_says(read: Any) -> None:
    found = read(training_picture(CURVE))
    ticks = [element for element in found.all("text") if element.attrib["x"] == "72"]
    (low, high) = (next(one for one in ticks if one.text == label) for label in ("0.0", "2.0"))
    dot = next(one for one in found.all("circle") if one[0].text == "training, epoch 2: loss 1")
    y_low, y_high = (float(one.attrib["y"]) - 4 for one in (low, high))
    assert float(dot.attrib["cy"]) == pytest.approx((y_low + y_high) / 2, abs=0.2)


def test_epoch_without_a_value_leaves_a_gap(read: Any) -> None:
    losses = (1.0, 0.9, math.nan, 0.7, 0.6)
    found = read(training_picture([Epoch(n, loss) for n, loss in enumerate(losses)]))
    assert len(found.all("circle")) == 4
    assert [len(one.attrib["points"].split()) for one in found.all("polyline")] == [2, 2, 2], "legend, before, after"


@pytest.mark.parametrize("epochs", [(), (Epoch(1),), (Epoch(1, math.inf, math.nan),)])
def test_nothing_to_draw_is_no_picture(epochs: tuple[Epoch, ...]) -> None:
    assert training_picture(epochs) is None


@settings(max_examples=40, deadline=None)
@given(EPOCHS)
def test_any_curve_is_valid_xml_and_keeps_its_words_apart(read: Any, check_layout: Any, epochs: list[Epoch]) -> None:
    drawn = training_picture(sorted({one.epoch: one for one in epochs}.values(), key=lambda one: one.epoch))
    if drawn is not None:
        assert "nan" not in drawn.svg
        assert "inf" not in drawn.svg
        check_layout(drawn)


def test_curve_is_read_from_the_notes_of_a_manifest_in_the_order_of_epochs() -> None:
    entries = [{"epoch": 2, "train_loss": 0.5, "new": 1}, {"epoch": 1, "train_loss": 1, "validation_accuracy": 0.5}]
    found = epochs_from({"adapt": {"curve": entries}})
    assert found == (Epoch(1, 1.0, None, 0.5), Epoch(2, 0.5))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["epoch", "curve"]), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(JSON)
def test_whatever_notes_hold_they_are_a_curve_or_none(notes: Any) -> None:
    for one in ({"adapt": notes}, {"adapt": {"curve": notes}}):
        assert all(isinstance(epoch, Epoch) for epoch in epochs_from(one))


def test_lowest_loss_is_named_in_words() -> None:
    losses = (0.5, 0.3, 0.4)
    epochs = tuple(Epoch(n, validation_loss=loss) for n, loss in enumerate(losses, 1))
    assert in_words(epochs) == ("Validation loss was lowest in epoch 2 (0.3), and 0.4 in the last measured one (3).",)
    assert in_words((Epoch(1, 0.5),)) == ()
