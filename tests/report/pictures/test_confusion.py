"""Confusion matrices."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.evaluation import ClassScore, Interval, Metrics
from edgetl.report.pictures.confusion import confusion_picture, most_confused

Matrix = tuple[tuple[int, ...], ...]


def metrics(matrix: Matrix, names: tuple[str, ...]) -> Metrics:
    scores = tuple(ClassScore(name, sum(row), 0.5, 0.5, 0.5) for name, row in zip(names, matrix, strict=True))
    return Metrics((Interval("accuracy", 0.5, (0.4, 0.6), 10),), scores, matrix)


@st.composite
def matrices(draw: st.DrawFn, most: int = 22) -> Metrics:
    n = draw(st.integers(1, most))
    labels = st.text(st.characters(codec=None, categories=None), min_size=1, max_size=40)
    names = draw(st.lists(labels, min_size=n, max_size=n))
    most_samples = draw(st.sampled_from([0, 1, 50, 12_000, 3_000_000]))
    counts = np.random.default_rng(n).integers(0, most_samples + 1, (n, n))
    return metrics(tuple(map(tuple, counts.tolist())), tuple(names))


def test_cells_hold_the_counts_and_shares_of_their_rows(read: Any) -> None:
    found = read(confusion_picture("fp32", metrics(((428, 23), (72, 133)), ("functional", "defective"))))
    assert [word for word in found.texts if word.isdigit()] == ["428", "23", "72", "133"]
    assert [word for word in found.texts if "%" in word] == ["94.9 %", "5.1 %", "35.1 %", "64.9 %"]
    assert "functional taken for defective: 23 of 451 (5.1 %)" in found.tooltips


def test_shade_is_the_share_of_the_row(read: Any) -> None:
    found = read(confusion_picture("fp32", metrics(((90, 10), (0, 0)), ("a", "b"))))
    shades = [float(cell.attrib["fill-opacity"]) for cell in found.all("rect") if cell.attrib["class"] == "cell"]
    assert shades == [0.679, 0.111, 0.04, 0.04], "0.04 + 0.71 x share; a class without samples has none"


def test_most_confused_classes_are_shown_in_their_order() -> None:
    matrix = ((9, 0, 0, 0), (0, 9, 0, 5), (0, 0, 9, 1), (0, 0, 0, 9))
    shown = most_confused(matrix, ("a", "b", "c", "d"), limit=2)
    assert shown.classes == ("b", "d")
    assert shown.counts == ((9, 5), (0, 9))
    assert shown.sums == (14, 9), "of the whole row, so that shares stay true"


def test_above_twenty_classes_twenty_are_shown_and_it_says_so(read: Any) -> None:
    matrix = tuple(tuple(5 if row == column else int(row == 7) for column in range(30)) for row in range(30))
    found = read(confusion_picture("fp32", metrics(matrix, tuple(f"class {n}" for n in range(30)))))
    assert "the 20 most confused of 30 classes" in found.tooltips[0]
    assert len([cell for cell in found.all("rect") if cell.attrib["class"] == "cell"]) == 400
    assert "class 7" in found.texts


def test_without_a_matrix_or_names_there_is_no_picture() -> None:
    assert confusion_picture("fp32", metrics((), ())) is None
    assert confusion_picture("fp32", Metrics((), (), ((1, 0), (0, 1)))) is None


@settings(max_examples=10, deadline=None)
@given(matrices())
def test_any_labels_and_counts_are_valid_xml_and_keep_their_words_apart(
    read: Any, check_layout: Any, found: Metrics
) -> None:
    drawn = confusion_picture("fp32", found)
    check_layout(drawn)
    cells = re.findall(r"taken for .*?: ([\d,]+) of ([\d,]+) \(", " ".join(read(drawn).tooltips))
    assert len(cells) >= min(20, len(found.confusion)) ** 2
