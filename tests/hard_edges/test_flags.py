"""Flags and arguments that cannot be meant: exit code 2, one line, and one document with ``--json``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
WRONG: dict[str, tuple[str, str]] = {
    "unknown command": ("nosuch", "No such command 'nosuch'"),
    "unknown flag": ("predict B P --nope", "No such option '--nope'"),
    "missing arguments": ("predict", "Missing argument 'BUNDLE'"),
    "missing input": ("predict B", "Missing argument 'INPUT...'"),
    "negative threads": ("predict B P --threads -1", "-1 is not in the range 1<=x<=1024"),
    "threads 0": ("predict B P --threads 0", "0 is not in the range 1<=x<=1024"),
    "threads in words": ("predict B P --threads two", "'two' is not a valid integer range"),
    "top 0": ("predict B P --top 0", "0 is not in the range x>=1"),
    "unknown runtime": ("predict B P --runtime tpu", "unknown runtime 'tpu'; expected one of: onnxruntime, openvino"),
    "unknown runtime to time": ("bench M --runtime tpu", "unknown runtime 'tpu'"),
    "unknown precision": ("bench M --precision fp7", "'fp7' is not one of 'fp32', 'bf16', 'fp16'"),
    "unknown effort": ("bench M --effort huge", "'huge' is not one of 'quick'"),
    "unknown target": ("qualify B -o r.json --target mars", "unknown target 'mars'; expected one of: local"),
    "unknown variant": ("unpack B -o plain --variant int4", "no variant 'int4' in bundle 'tiny'; it has fp32"),
    "unknown shell": ("completion tcsh", "'tcsh' is not one of"),
    "result that is an image": ("predict B P --result P", "is not a result of schema"),
    "result that is a folder": ("predict B P --result .", "File '.' is a directory"),
    "folder as model": ("bench .", "'.' is a folder; give an ONNX file or a bundle"),
    "model that is not there": ("bench no.onnx", "there is no file 'no.onnx'"),
    "no output": ("qualify B", "Missing option '-o' / '--out'"),
    "empty output": ("qualify B -o ''", "'.' is a folder; give the name of a file"),
    "output is a folder": ("qualify B -o folder", "'folder' is a folder; give the name of a file"),
    "output is a pipe": ("qualify B -o pipe", "'pipe' is not a regular file"),
    "output below a file": ("qualify B -o P/r.json", "cannot make folder 'photo.png' (File exists)"),
    "output is the bundle": ("qualify B -o B", "is an input, which the output would replace; choose another -o"),
    "output is a link to the bundle": ("qualify B -o link", "is an input, which the output would replace"),
    "output is the model": ("bench M -o M", "no result is written as"),
    "output is the recipe": ("prepare R -o R", "is an input, which the output would replace"),
    "output is a packed model": ("pack R M --quantized x86-vnni N -o N", "is an input, which the output would replace"),
    "output name too long": (f"qualify B -o {'x' * 300}", "cannot be written (File name too long)"),
    "report name too long": (f"deploy R -o {'x' * 247}.edgetl", ".result.json' cannot be written (File name too long)"),
    "report is a folder": ("deploy R -o taken.edgetl", "'taken.report.md' is a folder; give the name of a file"),
    "unpacked onto a file": ("unpack B -o P", "is a file; give the name of a folder"),
    "unpacked into a full folder": ("unpack B -o .", "folder '.' is not empty"),
    "unpacked folder name too long": (f"unpack B -o {'x' * 300}", "cannot be written (File name too long)"),
    "cache is a file": ("predict B P --cache P", "cannot keep a cache in 'photo.png' (File exists); give a folder"),
    "cache below a file": ("predict B P --cache P/c", "cannot keep a cache in 'photo.png/c' (Not a directory)"),
    "recipe name too long": (f"prepare {'x' * 300} -o o.edgetl", f"{'x' * 300!r} is no file, and"),
    "recipe file name too long": (f"prepare {'x' * 300}.toml -o o.edgetl", ".toml' does not exist"),
    "recipe is a folder": ("prepare . -o o.edgetl", "File '.' is a directory"),
    "recipe and data": ("prepare R --data d -o o.edgetl", "--data cannot be given here: the recipe says it"),
    "neither recipe nor data": ("prepare -o o.edgetl", "give a RECIPE, or --data DIR with --backbone NAME"),
    "size in words": ("prepare --data d --backbone b --size big -o o.edgetl", "'big' is not a size; expected HxW"),
    "set without a value": ("prepare R --set quantize.search -o o.edgetl", "'quantize.search' sets no key of a recipe"),
    "set without a key": ("prepare R --set =all -o o.edgetl", "'=all' sets no key of a recipe; expected SECTION.KEY="),
    "set to half a list": ("prepare R --set gates=[1 -o o.edgetl", "'[1', which 'gates' is set to, is no TOML ("),
    "set twice": ("deploy R --set seed=1 --set seed=2 -o o.edgetl", "'seed' says again what 'seed' says; give one"),
    "set within what is set": (
        "prepare R --set gates={} --set gates.margin=1 -o o.edgetl",
        "'gates.margin' says again what 'gates' says; give one of them",
    ),
    "set to what a flag denies": (
        "prepare --data d --backbone b --rendering x86 --set quantize.renderings=[] -o o.edgetl",
        "--set quantize.renderings=[] contradicts another flag, by which quantize.renderings is ['x86']",
    ),
    "unknown section set": (
        "prepare --data d --backbone b --set quantise.search=all -o o.edgetl",
        "unknown field `quantise`; did you mean 'quantize'?",
    ),
    "wrong type set": (
        "prepare --onnx M --data d --set quantize.calibration=many -o o.edgetl",
        "Expected `int`, got `str` - at `$.quantize.calibration`",
    ),
    "NaN set": ("prepare --onnx M --data d --set gates.margin=nan -o o.edgetl", "finite number, got nan - at `$.gates"),
    "unknown option of a method set": (
        "prepare --data d --backbone b --set adapt.view=1 -o o.edgetl",
        "Object contains unknown field `view` - at `$.adapt`; did you mean 'views'?",
    ),
    "adaptation of a trained model": (
        "prepare --onnx M --data d --set adapt.method=scratch -o o.edgetl",
        "--set adapt.method cannot be given here: --onnx starts from a trained model",
    ),
    "nothing to quantize": ("quantize -o o.onnx", "give a RECIPE and a MODEL, or --onnx MODEL with --data DIR"),
    "no model to quantize": ("quantize R -o o.onnx", "give a RECIPE and a MODEL, or --onnx MODEL with --data DIR"),
    "recipe and trained model to quantize": (
        "quantize R M --onnx M --data d -o o.onnx",
        "RECIPE cannot be given here: --onnx starts from a trained model",
    ),
    "trained model without samples to quantize": ("quantize --onnx M -o o.onnx", "--onnx needs --data: samples"),
    "recipe with flags of a trained model": (
        "quantize R M --changed-max 0 --skip-bad --set seed=1 -o o.onnx",
        "--changed-max, --skip-bad, --set seed cannot be given here: it is for an --onnx model; otherwise",
    ),
    "two renderings to quantize": (
        "quantize --onnx M --data d --set quantize.renderings=['arm'] -o o.onnx",
        "contradicts another flag, by which quantize.renderings is ['x86-vnni']; give one of them",
    ),
    "mean in words": ("prepare --onnx M --data d --mean grey -o o.edgetl", "expected a list of numbers"),
}
JSON = pytest.mark.parametrize("as_json", [False, True], ids=["plain", "json"])


@pytest.fixture
def place(tiny_bundle: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the short names in the table above mean something."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "tiny.edgetl").write_bytes(tiny_bundle.read_bytes())
    (folder / "link").symlink_to("tiny.edgetl")
    for name in ("model.onnx", "int8.onnx"):
        (folder / name).write_bytes((tiny_bundle.parent / "fp32.onnx").read_bytes())
    (folder / "photo.png").write_bytes(photo.read_bytes())
    (folder / "recipe.toml").write_text("")
    for name in ("folder", "taken.report.md"):
        (folder / name).mkdir()
    os.mkfifo(folder / "pipe")
    return folder


NAMES = {"B": "tiny.edgetl", "P": "photo.png", "M": "model.onnx", "N": "int8.onnx", "R": "recipe.toml"}


def words(line: str) -> list[str]:
    """A line of the table as arguments."""
    spelled = [NAMES.get(word, "" if word == "''" else word) for word in line.split()]
    return [word.replace("P/", "photo.png/") for word in spelled]


@JSON
@pytest.mark.parametrize("kind", WRONG)
def test_command_line_is_refused(kind: str, as_json: bool, command: Command, place: Path) -> None:
    line, said = WRONG[kind]
    before = {path: path.read_bytes() for path in place.iterdir() if path.is_file()}
    done = command(*words(line), *(["--json"] if as_json else []))
    assert done.code == 2, done.err
    assert said in done.told
    if as_json:
        assert said in json.loads(done.out)["error"]["message"]
    else:
        assert done.out == ""
    assert {path: path.read_bytes() for path in place.iterdir() if path.is_file()} == before
