"""Whole reports."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from edgetl.bundle import Bundle
from edgetl.bundle.manifest import Manifest
from edgetl.evaluation import ClassScore
from edgetl.ladder import Ladder
from edgetl.report.document import Chapter, Subject, pictures, report
from edgetl.report.markdown import to_markdown
from edgetl.report.page import Table
from edgetl.report.pictures.svg import Picture
from edgetl.report.writing import write_report
from edgetl.result import Result
from edgetl.validity import Finding, judged

NOTES: dict[str, Any] = {
    "adapt": {
        "curve": [{"epoch": 1, "train_loss": 0.5, "validation_loss": 0.6, "validation_accuracy": 0.7}],
        "unfrozen": ["blocks.6"],
        "best_epoch": 1,
    },
    "recipe": {"name": "tiny", "adapt": {"method": "finetune", "options": {"epochs": 1}}, "gates": {"target": {}}},
    "skipped": [["broken.png", "it is cut off"]],
    "splits": {"seed": 7},
}


@pytest.fixture
def manifest(tiny_bundle: Path) -> Manifest:
    """The tiny bundle's, with a confusion matrix and notes."""
    found = Bundle.open(tiny_bundle).manifest
    (evaluation,) = found.evaluations
    assert evaluation.test is not None
    scores = (ClassScore("dark", 10, 0.9, 0.8, 0.85), ClassScore("light", 20, 0.7, 0.6, 0.65))
    test = msgspec.structs.replace(evaluation.test, per_class=scores, confusion=((8, 2), (8, 12)))
    return msgspec.structs.replace(
        found,
        evaluations=(msgspec.structs.replace(evaluation, test=test),),
        provenance=msgspec.structs.replace(found.provenance, notes=NOTES),
    )


def titles(chapter: Chapter) -> list[str]:
    return [section.title for section in chapter.sections]


def table(chapter: Chapter, title: str) -> Table:
    blocks = [block for section in chapter.sections for block in section.blocks if isinstance(block, Table)]
    return next(block for block in blocks if block.title == title)


def test_a_report_says_whether_to_believe_the_timing(manifest: Manifest, result: Result) -> None:
    doubt = judged([Finding("W-LOAD", "others took 46 % of the CPUs")])
    candidates = tuple(msgspec.structs.replace(one, validity=doubt) for one in result.candidates)
    (chapter,) = report([Subject("ab" * 32, manifest, (msgspec.structs.replace(result, candidates=candidates),))])
    assert "Timing is degraded: W-LOAD." in chapter.summary
    assert titles(chapter).index("Trust") == titles(chapter).index("Candidates") + 1
    assert table(chapter, "May these numbers be believed?").rows[0][:3] == ("W-LOAD", "degraded", "all")


def test_bundle_and_result_make_one_chapter_with_everything(manifest: Manifest, result: Result) -> None:
    (chapter,) = report([Subject("ab" * 32, manifest, (result,))])
    assert titles(chapter) == [
        *("Training", "Accuracy", "Classes", "Candidates", "Other costs", "Checks on the device"),
        *("The device", "Gates", "Data", "How it was made"),
    ]
    assert [one.name for one in pictures([chapter])] == [
        *("training.svg", "accuracy.svg", "confusion.svg", "latency.svg"),
    ]
    assert table(chapter, "Each class").rows[1] == ("light", "20", "70.0 %", "60.0 %", "65.0 %")
    assert ("adapt.options.epochs", "1") in table(chapter, "Settings").rows
    assert [key for key, _ in table(chapter, "Settings").rows] == ["name", "adapt.method", "adapt.options.epochs"]
    assert table(chapter, "What adaptation found").rows == (("unfrozen", "blocks.6"), ("best_epoch", "1"))
    assert table(chapter, "Left out").rows == (("broken.png", "it is cut off"),)
    assert ("division, seed", "7") in table(chapter, "Samples").rows
    assert ("everywhere", "margin", "0.2") in table(chapter, "Limits").rows
    assert ("CPU", "Example CPU") in table(chapter, "Machine").rows


def test_of_many_classes_the_worst_are_shown(manifest: Manifest) -> None:
    scores = tuple(ClassScore(f"c{place}", 9, 0.5, 0.5, 0.5 + (place * 7 % 30) / 100) for place in range(30))
    (evaluation,) = manifest.evaluations
    assert evaluation.test is not None
    test = msgspec.structs.replace(evaluation.test, per_class=scores, confusion=())
    told = msgspec.structs.replace(manifest, evaluations=(msgspec.structs.replace(evaluation, test=test),))
    (chapter,) = report([Subject("ab" * 32, told, ())])
    shown = table(chapter, "Each class")
    assert [row[4] for row in shown.rows] == [f"{percent}.0 %" for percent in range(50, 60)]
    assert shown.remarks == ("and 20 more classes, with no lower F1.",)


def test_method_without_a_curve_has_no_training_picture(tiny_bundle: Path, result: Result) -> None:
    (chapter,) = report([Subject("ab" * 32, Bundle.open(tiny_bundle).manifest, (result,))])
    assert "Training" not in titles(chapter)


def test_training_that_was_thrown_away_is_told(manifest: Manifest) -> None:
    start = {"validation_loss": 0.3, "validation_accuracy": 0.9}
    adapted = {**NOTES["adapt"], "best_epoch": 0, "start": start}
    provenance = msgspec.structs.replace(manifest.provenance, notes={**NOTES, "adapt": adapted})
    (chapter,) = report([Subject("ab" * 32, msgspec.structs.replace(manifest, provenance=provenance), ())])
    picture, *words = chapter.sections[0].blocks
    assert isinstance(picture, Picture)
    assert "validation, epoch 0: loss 0.3" in picture.svg
    assert words == [
        "Training never beat the head it started from; the untrained model was kept.",
        "Validation loss was 0.3 before training (epoch 0), 0.6 in epoch 1.",
    ]


def test_what_was_tried_to_quantize_is_told(manifest: Manifest, ladder: Ladder) -> None:
    notes = {**NOTES, "quantization": msgspec.to_builtins([ladder])}
    provenance = msgspec.structs.replace(manifest.provenance, notes=notes)
    (chapter,) = report([Subject("ab" * 32, msgspec.structs.replace(manifest, provenance=provenance), ())])
    assert titles(chapter).index("Quantization") > titles(chapter).index("Accuracy")
    assert table(chapter, "Quantization: what was tried (x86-vnni)").rows[1][-1] == "chosen"


def test_bundle_alone_says_that_no_device_judged_it(manifest: Manifest) -> None:
    (chapter,) = report([Subject("ab" * 32, manifest, ())])
    assert "No result of a device was given" in chapter.summary[0]
    assert "Candidates" not in titles(chapter)


def test_bench_result_is_not_said_to_have_passed(result: Result) -> None:
    unchecked = tuple(msgspec.structs.replace(one, checks=(), rejected_because=None) for one in result.candidates)
    (chapter,) = report([Subject("ab" * 32, None, (msgspec.structs.replace(result, candidates=unchecked),))])
    assert chapter.summary == ("Only timed, no output was judged; on Example CPU, effort standard.",)


def test_pictures_of_several_bundles_and_devices_have_names_of_their_own(manifest: Manifest, result: Result) -> None:
    subjects = [Subject("ab" * 32, manifest, (result, result)), Subject("cd" * 32, manifest, (result,))]
    names = [one.name for one in pictures(report(subjects))]
    assert len(set(names)) == len(names) == 9
    assert {"1-latency-1.svg", "1-latency-2.svg", "2-latency.svg"} <= set(names)


def test_chapters_about_files_of_one_name_are_told_apart(result: Result) -> None:
    old, new = (Subject(sha256 * 32, None, (result,)) for sha256 in ("ab", "cd"))
    assert [chapter.title for chapter in report([old, new])] == [
        "solar-cells, version 3 (sha256 abababababab)",
        "solar-cells, version 3 (sha256 cdcdcdcdcdcd)",
    ]
    assert report([old])[0].title == "solar-cells, version 3"


def test_results_of_one_file_say_when_each_was_begun(result: Result) -> None:
    later = msgspec.structs.replace(result, started_utc="2025-11-22T04:00:00+00:00")
    (chapter,) = report([Subject("ab" * 32, None, (later, result))])
    told = [sentence for sentence in chapter.summary if sentence.startswith("Result ")]
    assert told == ["Result 1, begun 2025-11-22T04:00:00+00:00:", "Result 2, begun at a time that it does not tell:"]


def test_benchmark_of_which_all_is_invalid_is_not_said_to_have_failed(result: Result) -> None:
    unchecked = tuple(
        msgspec.structs.replace(one, checks=(), rejected_because=None, validity=judged([Finding("W-THROTTLED", "hot")]))
        for one in result.candidates
    )
    bench = msgspec.structs.replace(result, candidates=unchecked, selected=None, passed=False, comparisons=())
    (chapter,) = report([Subject("ab" * 32, None, (bench,))])
    assert chapter.summary[0].startswith("Only timed, no output was judged")
    assert chapter.summary[1:] == (
        "Timing is invalid: W-THROTTLED.",
        "No candidate is selected, because all timing is invalid.",
    )
    verdicts = table(chapter, "Every candidate")
    assert {row[1] for row in verdicts.rows} == {"invalid"}
    assert not [sentence for sentence in chapter.summary if "FAILED" in sentence or "bundle" in sentence]


def test_labels_cannot_be_markdown_or_html(manifest: Manifest, result: Result) -> None:
    (evaluation,) = manifest.evaluations
    assert evaluation.test is not None
    bad = "<img src=x> | ![a](b) `c` *d* _e_ f_g\nh"
    scores = tuple(msgspec.structs.replace(score, label=bad) for score in evaluation.test.per_class)
    test = msgspec.structs.replace(evaluation.test, per_class=scores)
    nasty = msgspec.structs.replace(manifest, evaluations=(msgspec.structs.replace(evaluation, test=test),))
    written = to_markdown(report([Subject("ab" * 32, nasty, (result,))]), "r_files")
    assert r"| \<img src=x> \| !\[a\](b) \`c\` \*d\* \_e\_ f_g h | 10 |" in written


def test_files_are_written_and_linked_by_escaped_names(manifest: Manifest, result: Result, tmp_path: Path) -> None:
    page, *drawn = write_report(tmp_path / "my report (1).md", report([Subject("ab" * 32, manifest, (result,))]))
    assert len(drawn) == 4
    for path in drawn:
        ElementTree.parse(path)
    assert re.findall(r"\]\(([^)]+svg)\)", page.read_text())[0] == "my%20report%20%281%29_files/training.svg"


def test_only_pictures_that_the_page_before_showed_are_removed(
    manifest: Manifest, result: Result, tmp_path: Path
) -> None:
    page, folder = tmp_path / "my report (1).md", tmp_path / "my report (1)_files"
    write_report(page, report([Subject("ab" * 32, manifest, (result,))]))
    (folder / "own.svg").write_text("of the user")
    (tmp_path / "other.svg").write_text("elsewhere")
    page.write_text(page.read_text() + "![x](my%20report%20%281%29_files/../other.svg)\n![y](other_files/own.svg)\n")
    write_report(page, report([Subject("ab" * 32, manifest, ())]))
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["accuracy.svg", "confusion.svg", "own.svg", "training.svg"]
    assert (tmp_path / "other.svg").exists()


def test_page_is_not_written_when_a_picture_cannot_be(manifest: Manifest, tmp_path: Path) -> None:
    chapters = report([Subject("ab" * 32, manifest, ())])
    bad = tuple(replace(one, name="no/such/folder.svg") for one in pictures(chapters))
    section = replace(chapters[0].sections[0], blocks=bad)
    with pytest.raises(OSError, match="folder"):
        write_report(tmp_path / "r.md", (replace(chapters[0], sections=(section,)),))
    assert not (tmp_path / "r.md").exists()
