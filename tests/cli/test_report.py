"""``edgetl report``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from edgetl.bundle import Bundle
from edgetl.cli import run
from edgetl.cli.options import PAGES
from edgetl.explanation import SCHEMA, Explanation
from edgetl.ladder import Attempt, Ladder
from edgetl.report.formats import FORMATS
from edgetl.result import Result

ATTEMPT = Attempt("head as it was", "as it was", "percentile", True)
LADDER = Ladder("x86-vnni", "first", 600.0, (ATTEMPT,), ATTEMPT.name, True, (), "it passes", "int8 share")
EXPLANATION = Explanation(SCHEMA, "x86-vnni", 32, LADDER, (), ())


@pytest.fixture
def result_file(result: Result, tiny_bundle: Path, tmp_path: Path) -> Path:
    """A result of the tiny bundle, as ``qualify`` writes it."""
    path = tmp_path / "result.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(result, bundle=Bundle.open(tiny_bundle).identity)))
    return path


def linked(page: Path) -> list[Path]:
    return [page.parent / target for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text())]


def test_page_links_the_pictures_beside_it(
    tiny_bundle: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new/tiny.md"
    assert run(["report", str(tiny_bundle), str(result_file), "-o", str(page), "--json"]) == 0
    answered = json.loads(capsys.readouterr().out)
    assert answered["report"] == str(page)
    assert [Path(one) for one in answered["pictures"]] == linked(page)
    assert [path.name for path in linked(page)] == ["accuracy.svg", "latency.svg"]
    assert all(path.parent == tmp_path / "new/tiny_files" for path in linked(page))
    assert page.read_text().startswith("# tiny, version 1\n\nPassed: int8/openvino/int8/2t")


def test_result_and_bundle_are_told_apart_by_content(tiny_bundle: Path, result_file: Path, tmp_path: Path) -> None:
    renamed = result_file.rename(tmp_path / "measured")
    copied = tmp_path / "copied"
    copied.write_bytes(tiny_bundle.read_bytes())
    assert run(["report", str(renamed), str(copied), "-o", str(tmp_path / "r.md"), "-q"]) == 0
    assert (tmp_path / "r.md").read_text().count("\n# ") == 0, "one chapter: the result is of that bundle"


def test_result_without_its_bundle_is_reported_as_far_as_it_goes(result_file: Path, tmp_path: Path) -> None:
    assert run(["report", str(result_file), "-o", str(tmp_path / "r.md"), "-q"]) == 0
    text = (tmp_path / "r.md").read_text()
    assert "The bundle was not given" in text
    assert "## Candidates" in text
    assert "## Gates" not in text


def test_html_is_one_file(
    tiny_bundle: Path, result_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new/tiny.html"
    assert run(["report", str(tiny_bundle), str(result_file), "-o", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(page), "pictures": []}
    assert [path.name for path in page.parent.iterdir()] == ["tiny.html"]
    assert '<h1 id="c1">tiny, version 1</h1>' in page.read_text()


@pytest.mark.parametrize("name", ["page.htm", "page", "page.pdf"])
def test_other_formats_are_refused_plainly(
    name: str, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", str(tiny_bundle), "-o", str(tmp_path / name)]) == 2
    assert f"'{name}' ends in neither .html nor .md" in capsys.readouterr().err
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"no bundle", b"\xff\xfe"])
def test_neither_result_nor_bundle_is_bad_input(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thing").write_bytes(content)
    assert run(["report", str(tmp_path / "thing"), "-o", str(tmp_path / "r.md"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["type"] in ("InputError", "BundleError")
    assert not (tmp_path / "r.md").exists()


def test_table_of_a_result_is_not_taken_for_a_bundle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("model,model_sha256\n")
    assert run(["report", str(tmp_path / "a.csv"), "-o", str(tmp_path / "r.md")]) == 2
    assert "a.csv' is neither a result nor a bundle; give FILE.json" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["missing.json", "missing.edgetl"])
def test_missing_input_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(tmp_path / name), "-o", str(tmp_path / "r.md")]) == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read explanation"),
        (b"{", "has no explanation of schema 'edgetl.explanation/1'"),
        (b'{"model": null, "passed": false}', "has no explanation of schema 'edgetl.explanation/1'"),
        (msgspec.json.encode({"passed": True, "explanation": EXPLANATION}), "explains a graph of no bundle given here"),
    ],
    ids=["missing", "damaged", "without --explain", "of another bundle"],
)
def test_what_explains_no_bundle_is_refused_plainly(
    content: bytes | None, message: str, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tmp_path / "told.json"
    if content is not None:
        told.write_bytes(content)
    assert run(["report", str(tiny_bundle), "--explain", str(told), "-o", str(tmp_path / "r.md")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "r.md").exists()


def test_file_in_the_place_of_the_pictures_is_named(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r_files").write_text("mine")
    assert run(["report", str(tiny_bundle), "-o", str(tmp_path / "r.md")]) == 2
    assert "r_files' is a file" in capsys.readouterr().err
    assert (tmp_path / "r_files").read_text() == "mine"
    assert not (tmp_path / "r.md").exists()


def test_every_page_that_is_accepted_can_be_written() -> None:
    assert set(PAGES) == set(FORMATS)
