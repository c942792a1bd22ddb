"""The training curve."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.report.pictures.curve import training_picture
from edgetl.report.training import Epoch, epochs_from, in_words, kept_from

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


def notes_of(start: object, best_epoch: object, *losses: float) -> dict[str, Any]:
    curve = [{"epoch": epoch, "validation_loss": loss} for epoch, loss in enumerate(losses, 1)]
    return {"adapt": {"curve": curve, "start": start, "best_epoch": best_epoch}}


def test_curve_begins_with_the_start(read: Any) -> None:
    epochs = epochs_from(notes_of({"validation_loss": 0.4, "validation_accuracy": 0.8}, 0, 0.6, 0.5))
    assert epochs[0] == Epoch(0, None, 0.4, 0.8)
    found = read(training_picture(epochs)).tooltips
    assert found[0] == "Training over 2 epochs: loss and accuracy"
    assert "validation, epoch 0: loss 0.4" in found


@pytest.mark.parametrize("start", [None, {}, 3, {"validation_loss": math.nan}, {"validation_loss": "low"}])
def test_start_that_is_not_known_is_not_in_the_curve(start: object) -> None:
    assert [one.epoch for one in epochs_from(notes_of(start, 1, 0.6))] == [1]


@pytest.mark.parametrize(
    ("best_epoch", "sentences"),
    [
        (
            0,
            (
                "Training never beat the head it started from; the untrained model was kept.",
                "Validation loss was 0.4 before training (epoch 0), 0.5 in epoch 3.",
            ),
        ),
        (
            2,
            (
                "Epoch 2 was kept.",
                "Validation loss was 0.4 before training (epoch 0), 0.3 in epoch 2, 0.5 in epoch 3.",
            ),
        ),
        (
            None,
            ("Validation loss was lowest in epoch 2 (0.3), and 0.5 in the last measured one (3).",),
        ),
    ],
    ids=["start", "trained", "unknown"],
)
def test_words_say_what_was_kept(best_epoch: int | None, sentences: tuple[str, ...]) -> None:
    notes = notes_of({"validation_loss": 0.4}, best_epoch, 0.6, 0.3, 0.5)
    assert in_words(epochs_from(notes), kept_from(notes)) == sentences


def test_start_that_came_back_is_told_although_no_loss_is_known() -> None:
    assert in_words((Epoch(1),), 0) == ("Training never beat the head it started from; the untrained model was kept.",)


@pytest.mark.parametrize("kept", [None, True, -1, 1.0, "1", [1]])
def test_what_is_no_epoch_was_not_kept(kept: object) -> None:
    assert kept_from({"adapt": {"best_epoch": kept}}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["epoch", "curve"]), inner),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(JSON)
def test_whatever_notes_hold_they_are_a_curve_or_none(notes: Any) -> None:
    curve = [{"epoch": 1}]
    for one in ({"adapt": notes}, {"adapt": {"curve": notes}}, {"adapt": {"curve": curve, "start": notes}}):
        assert all(isinstance(epoch, Epoch) for epoch in epochs_from(one))


def test_lowest_loss_is_named_in_words() -> None:
    losses = (0.5, 0.3, 0.4)
    epochs = tuple(Epoch(n, validation_loss=loss) for n, loss in enumerate(losses, 1))
    assert in_words(epochs) == ("Validation loss was lowest in epoch 2 (0.3), and 0.4 in the last measured one (3).",)
    assert in_words((Epoch(1, 0.5),)) == ()
