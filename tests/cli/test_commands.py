"""Commands on a real bundle."""

from __future__ import annotations

import io
import json
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.check import Check
from edgetl.cli import run
from edgetl.cli.tables import render
from edgetl.ladder import Attempt, Ladder
from edgetl.report.contents import contents
from edgetl.result import Result

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images, in sub-folders, and a file that is none."""
    for name, grey in (("b/dark.png", 5), ("a/light.JPG", 250)):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True)
        Image.new("L", (20, 20), grey).save(path)
    (tmp_path / "photos/notes.txt").write_text("no image")
    return tmp_path / "photos"


def document(capsys: pytest.CaptureFixture[str]) -> object:
    return json.loads(capsys.readouterr().out)


def test_predict_names_the_class_of_an_image(
    tiny_bundle: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(tiny_bundle), str(photo), "-q"]) == 0
    shown = capsys.readouterr()
    assert "light" in shown.out
    assert shown.err == ""


def test_predict_takes_folders_in_the_order_of_their_names(
    tiny_bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(tiny_bundle), str(folder), "--json"]) == 0
    found = [(Path(one["input"]).name, one["label"]) for one in document(capsys)]
    assert found == [("light.JPG", "light"), ("dark.png", "dark")]


def test_predict_shows_the_best_classes_first(
    tiny_bundle: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(tiny_bundle), str(photo), "--top", "5", "--json"]) == 0
    (one,) = document(capsys)
    assert [label for label, _ in one["top"]] == ["light", "dark"]
    assert one["top"][0][1] == one["score"]


def test_predict_reads_standard_input(
    tiny_bundle: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(photo.read_bytes())))
    assert run(["predict", str(tiny_bundle), "-", "--json"]) == 0
    assert document(capsys)[0]["label"] == "light"


def test_predict_names_an_unreadable_image(tiny_bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(tiny_bundle), str(folder / "notes.txt")]) == 2
    shown = capsys.readouterr()
    assert "notes.txt" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_predict_refuses_inputs_that_hold_no_image(
    name: str, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert run(["predict", str(tiny_bundle), str(tmp_path / "empty" / name)]) == 2
    assert "no " in capsys.readouterr().err


def test_inspect_says_what_is_in_a_bundle(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(tiny_bundle)]) == 0
    shown = capsys.readouterr().out
    for words in ("tiny, version 1", "2: dark, light", "4 x 4 RGB", "margin 0.2", "32 samples", "linear-probe"):
        assert words in shown


def test_inspect_tells_what_was_tried_to_quantize(tiny_bundle: Path) -> None:
    manifest = Bundle.open(tiny_bundle).manifest
    kept = Check("accuracy drop", 0.001, 0.005, "fraction", True)
    attempt = Attempt("head fitted again", "fitted again", "percentile", True, kept)
    ladder = Ladder("x86-vnni", "first", 600.0, (attempt,), attempt.name, True, (), "it passes", "int8 share")
    notes = {"quantization": msgspec.to_builtins([ladder])}
    provenance = msgspec.structs.replace(manifest.provenance, notes=notes)
    stream = io.StringIO()
    render(contents(msgspec.structs.replace(manifest, provenance=provenance), "ab" * 32), stream)
    assert "Quantization: what was tried (x86-vnni)" in stream.getvalue()
    assert "'head fitted again' was chosen" in stream.getvalue()


def test_inspect_gives_the_manifest_and_the_hash(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(tiny_bundle), "--json"]) == 0
    found = document(capsys)
    assert found["schema"] == "edgetl.bundle/1"
    assert len(found["sha256"]) == 64


def test_inspect_refuses_what_is_not_a_bundle(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", str(folder / "notes.txt"), "--json"]) == 2
    assert document(capsys)["error"]["type"] == "BundleError"


def test_unpack_writes_plain_files(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["unpack", str(tiny_bundle), "-o", str(tmp_path / "plain"), "--json"]) == 0
    found = document(capsys)
    assert {Path(path).name for path in found["files"]} >= {"fp32.onnx", "labels.txt", "preprocess.json"}
    assert (tmp_path / "plain/labels.txt").read_text() == "dark\nlight\n"


def test_doctor_lists_runtimes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    assert {finding["name"] for finding in document(capsys)["runtimes"]} >= {"onnxruntime", "openvino"}


def test_verify_judges_every_candidate(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tiny_bundle), "--json", "-q"]) == 0
    assert {one["candidate"].split("/")[1] for one in document(capsys)} == {"onnxruntime", "openvino"}


def test_qualify_writes_the_result_that_predict_uses(
    tiny_bundle: Path, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "result.json"
    assert run(["qualify", str(tiny_bundle), "-o", str(written), "--effort", "quick", "--json", "-q"]) == 0
    answered = document(capsys)
    assert answered == json.loads(written.read_text())
    assert {one["validity"]["verdict"] for one in answered["candidates"]} <= {"valid", "degraded", "invalid"}
    assert run(["predict", str(tiny_bundle), str(photo), "--result", str(written), "-q"]) == 0
    assert answered["selected"] in capsys.readouterr().out


def test_predict_answers_the_others_when_one_image_is_unreadable(
    tiny_bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)  # long paths would wrap in the table
    (folder / "a/broken.png").write_bytes(b"no image")
    assert run(["predict", str(tiny_bundle), str(folder), "--json", "-q"]) == 2
    shown = capsys.readouterr()
    found = {Path(one["input"]).name: one for one in json.loads(shown.out)}
    assert (found["dark.png"]["label"], found["light.JPG"]["label"]) == ("dark", "light")
    assert found["broken.png"]["error"]["type"] == "DataError"
    assert "broken.png" in found["broken.png"]["error"]["message"]
    assert "broken.png" in shown.err
    assert run(["predict", str(tiny_bundle), ".", "-q"]) == 2
    shown = capsys.readouterr()
    assert "dark.png" in shown.out
    assert "broken.png" not in shown.out


@pytest.mark.parametrize("name", ["missing.png", "empty"])
def test_predict_answers_the_others_when_one_is_not_there(
    name: str,
    tiny_bundle: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder)
    Path("empty").mkdir()
    arguments = ["predict", str(tiny_bundle), "b/dark.png", name, "a/light.JPG"]
    assert run([*arguments, "--json", "-q"]) == 2
    found = document(capsys)
    assert [one["input"] for one in found] == ["b/dark.png", name, "a/light.JPG"]
    assert (found[0]["label"], found[1]["error"]["type"], found[2]["label"]) == ("dark", "DataError", "light")
    assert run([*arguments, "-q"]) == 2
    shown = capsys.readouterr()
    assert "light.JPG" in shown.out
    assert shown.err.startswith("edgetl: no ")
    assert name in shown.err


def test_command_that_makes_a_result_works_as_it_is_printed(
    tiny_bundle: Path, photo: Path, result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, other = tmp_path / "it's mine.edgetl", tmp_path / "other.json"
    shutil.copy(tiny_bundle, bundle)
    other.write_bytes(msgspec.json.encode(result))
    assert run(["predict", str(bundle), str(photo), "--result", str(other), "-q"]) == 2
    program, *command = shlex.split(capsys.readouterr().err.partition("make one with: ")[2])
    assert program == "edgetl"
    assert run([*command, "--effort", "quick", "-q"]) == 0
    assert (tmp_path / "it's mine.result.json").is_file()


def test_verify_judges_the_decoder_as_qualify_does(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", str(tiny_bundle), "--json", "-q"]) == 0
    assert all("decoder drift" in {check["name"] for check in one["checks"]} for one in document(capsys))
