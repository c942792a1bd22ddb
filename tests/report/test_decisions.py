"""What a report says of decisions that change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgetl.bundle import Bundle
from edgetl.decisions import Calibration, Decisions, Flip, Flips, OutputError, RecallDrop, Refit, Shift
from edgetl.evaluation import Evaluation
from edgetl.interval import Interval
from edgetl.report import text
from edgetl.report.contents import contents
from edgetl.report.decisions import decisions_table, decisions_tables, in_words
from edgetl.report.document import Subject, report
from edgetl.report.html.page import to_html
from edgetl.report.markdown import to_markdown
from edgetl.report.page import Table

FLIPS = Flips(
    Interval("flip rate", 3 / 393, (0.0026, 0.0222), 393),
    3,
    1,
    2,
    1.0,
    (Flip("ok", "bad", 2, 1, 1), Flip("bad", "ok", 1, 0, 1)),
)
FOUND = Decisions(
    n=393,
    flips=FLIPS,
    recalls=(RecallDrop("ok", 0.97, 0.965, Interval("drop of recall", 0.005, (-0.004, 0.019), 200)),),
    shifts=(Shift("top score", 393, 0.90, 0.89, (-0.05, -0.01, 0.0, 0.01, 0.04)),),
    calibration=Calibration(0.03, 0.05, Interval("ECE", 0.02, (0.001, 0.04), 393), 1.1, None, None, "none was found"),
    refit=Refit((0.5,), (0.44,), Interval("accuracy", 0.001, (-0.01, 0.012), 393)),
)


def evaluations(found: Decisions) -> tuple[Evaluation, ...]:
    base = Evaluation("fp32", "onnxruntime", None, "none", None, ())
    return base, msgspec.structs.replace(base, variant="int8", decisions=found)


def tables(found: Decisions) -> dict[str, Table]:
    return {table.title: table for table in decisions_tables(evaluations(found)) if table.rows}


def test_it_is_said_in_words_how_many_change_and_how_many_for_the_worse() -> None:
    (sentence,) = in_words(FOUND)
    assert sentence == (
        "3 of 393 decisions change, 1 for the worse and 2 for the better; "
        "chance may explain the difference (p = 1.000)."
    )


def test_a_loss_beyond_chance_is_called_so() -> None:
    worse = msgspec.structs.replace(FLIPS, count=22, harmful=20, beneficial=2, mcnemar_p=0.0001)
    (sentence,) = in_words(msgspec.structs.replace(FOUND, flips=worse))
    assert "20 for the worse and 2 for the better; that is more than chance explains (p < 0.001)" in sentence


def test_no_change_is_not_sold_as_certainty() -> None:
    none = Flips(Interval("flip rate", 0.0, (0.0, 0.0097), 393), 0, 0, 0, 1.0, ())
    (sentence,) = in_words(msgspec.structs.replace(FOUND, flips=none))
    assert sentence == "none of 393 decisions changes, which rules out no rate below 1.0 %."


def test_without_labels_nobody_says_for_the_worse() -> None:
    unlabelled = msgspec.structs.replace(FLIPS, harmful=None, beneficial=None, mcnemar_p=None)
    (sentence,) = in_words(Decisions(393, unlabelled))
    assert sentence.startswith("3 of 393 largest entries of the first output change; without labels nobody knows")
    table = decisions_table(evaluations(Decisions(393, unlabelled)))
    assert [column.title for column in table.columns] == ["Variant", "Changed", "of", "95 % interval"]
    assert table.rows == (("int8", "3", "393", "0.3 to 2.2 %"),)


def test_scores_that_fell_and_thresholds_that_would_gain_are_remarked_on() -> None:
    fell = Shift("top score", 393, 0.85, 0.45, (-0.6, -0.5, -0.4, -0.3, -0.2))
    gains = Refit((0.5,), (0.3,), Interval("macro F1", 0.04, (0.01, 0.07), 393))
    _, scores, thresholds = in_words(msgspec.structs.replace(FOUND, shifts=(fell,), refit=gains))
    assert "45.0 % on average, float's 85.0 %; a threshold on scores that was chosen for float does not fit" in scores
    assert thresholds == "thresholds of its own would gain +4.0 points of macro F1."


def test_each_number_has_its_row() -> None:
    found = tables(FOUND)
    assert found["Decisions: float against each variant"].rows == (
        ("int8", "3", "393", "0.3 to 2.2 %", "1", "2", "1.000"),
    )
    assert found["Decisions that change with int8"].rows == (("ok", "bad", "2", "1", "1"), ("bad", "ok", "1", "0", "1"))
    assert found["How much of each class int8 finds"].rows == (
        ("ok", "200", "97.0 %", "96.5 %", "-0.5 points", "-1.9 to +0.4 points"),
    )
    assert found["Scores: float against each variant"].rows == (
        ("int8", "top score", "393", "90.0 %", "89.0 %", "-1.0 points", "-5.0 to +4.0 points"),
    )
    calibration = found["Whether scores are probabilities"]
    assert calibration.rows == (("int8", "3.0 %", "5.0 %", "+0.1 to +4.0 points", "1.10", "-", "-"),)
    assert calibration.remarks[-1] == "int8: none was found."
    assert found["Thresholds: float's against the variant's own"].rows == (
        ("int8", "50.0 %", "44.0 %", "+0.1 points of accuracy", "-1.0 to +1.2 points"),
    )


def recalls(*drops: float) -> tuple[RecallDrop, ...]:
    return tuple(
        RecallDrop(f"c{place}", 0.5, 0.5 - drop, Interval("drop", drop, (-0.1, 0.3), 9))
        for place, drop in enumerate(drops)
    )


def test_of_many_classes_the_worst_of_those_that_change_are_shown() -> None:
    drops = [0.0] * 40
    drops[5:18] = [0.01 * (place - 4) for place in range(13)]
    table = tables(msgspec.structs.replace(FOUND, recalls=recalls(*drops)))["How much of each class int8 finds"]
    assert [row[0] for row in table.rows] == [f"c{place}" for place in (17, 16, 15, 14, 13, 12, 11, 10, 8, 7)]
    assert table.remarks == ("and 30 more classes, which lose less or nothing.",)


def test_few_classes_are_all_shown_in_their_order() -> None:
    table = tables(msgspec.structs.replace(FOUND, recalls=recalls(0.0, -0.1, 0.2)))["How much of each class int8 finds"]
    assert [row[0] for row in table.rows] == ["c0", "c1", "c2"]
    assert table.remarks == ()


def test_outputs_without_labels_have_their_error() -> None:
    outputs = (OutputError("a", 0.1), OutputError("b", 0.0), OutputError("c", None, "it never varies"))
    rows = tables(Decisions(4, None, outputs=outputs))["Outputs: float against each variant"].rows
    assert rows == (
        ("int8", "a", "10.0 %", "20.0 dB", "-"),
        ("int8", "b", "0.0 %", "equal", "-"),
        ("int8", "c", "-", "-", "it never varies"),
    )


def test_outputs_that_are_all_known_need_no_reason() -> None:
    table = tables(Decisions(4, None, outputs=(OutputError("a", 0.1),)))["Outputs: float against each variant"]
    assert table.rows == (("int8", "a", "10.0 %", "20.0 dB"),)


def test_of_very_many_kinds_of_change_the_most_frequent_are_shown() -> None:
    kinds = tuple(Flip(str(place), "other", 60 - place, None, None) for place in range(60))
    found = tables(Decisions(393, msgspec.structs.replace(FLIPS, kinds=kinds)))["Decisions that change with int8"]
    assert [row[0] for row in found.rows] == [str(place) for place in range(10)]
    assert found.remarks == ("Only the 10 most frequent are shown.",)


def test_every_row_has_a_cell_for_each_column() -> None:
    for table in tables(FOUND).values():
        assert all(len(row) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize("page", [text.preparation, text.summary], ids=lambda one: one.__name__)
def test_commands_say_what_changes(page: Any, subject: Any, result: Any) -> None:
    found = msgspec.structs.replace(FOUND, outputs=(OutputError("a", 0.1),))
    told = replace(
        subject, evaluations=(subject.evaluations[0], msgspec.structs.replace(subject.evaluations[1], decisions=found))
    )
    shown = page(told) if page is text.preparation else page(told, result)
    (table,) = [table for table in shown.tables if table.title.startswith("Decisions")]
    assert "int8: 3 of 393 decisions change, 1 for the worse" in table.remarks[0]
    assert "Outputs: float against each variant" in [table.title for table in shown.tables]
    without = page(subject) if page is text.preparation else page(subject, result)
    assert not [table for table in without.tables if table.title.startswith("Decisions")]


def test_nothing_changed_has_no_minus_sign() -> None:
    recall = RecallDrop("ok", 0.5, 0.5, Interval("drop of recall", 0.0, (-0.1, 0.1), 9))
    (row,) = tables(msgspec.structs.replace(FOUND, recalls=(recall,)))["How much of each class int8 finds"].rows
    assert row[4] == "+0.0 points"


def test_a_report_has_a_section_of_its_own_in_both_formats(tiny_bundle: Path) -> None:
    kind = Flip("<b>ok", "bad|", 2, 1, 1)
    found = msgspec.structs.replace(FOUND, flips=msgspec.structs.replace(FLIPS, kinds=(kind,)))
    manifest = Bundle.open(tiny_bundle).manifest
    told = msgspec.structs.replace(manifest, evaluations=evaluations(found))
    chapters = report([Subject("ab" * 32, told, ())])
    assert "Decisions" in [section.title for section in chapters[0].sections]
    written = to_markdown(chapters, "files")
    assert "## Decisions" in written
    assert r"| \<b>ok | bad\| | 2 | 1 | 1 |" in written
    assert "int8: 3 of 393 decisions change, 1 for the worse" in written
    page = to_html(chapters)
    assert "int8: 3 of 393 decisions change, 1 for the worse" in page
    assert "&lt;b&gt;ok" in page
    inspected = contents(told, "ab" * 32)
    assert "Decisions that change with int8" in [table.title for table in inspected.tables]
