"""Golden outputs of several runtimes: they come back as they were, and nothing else is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
from zipfile import ZipFile

import msgspec
import numpy as np
import pytest

from edgetl.bundle import Bundle, Contents, write_bundle
from edgetl.check import Check
from edgetl.errors import BundleError
from edgetl.evaluation import Evaluation, Interval, OtherRuntime
from edgetl.tensors import Array

INT8 = "int8-x86-vnni"
LOGITS = "golden/references/int8-x86-vnni/openvino/000.npy.zz"
JUDGED = OtherRuntime(
    "openvino",
    Interval("accuracy", 0.5, (0.25, 0.75), 3),
    "validation",
    (Check("accuracy drop (openvino)", 0.25, 0.005, "fraction", False, "too much", 3),),
)
Edit: TypeAlias = "Callable[[Any], None]"
Others: TypeAlias = "dict[str, dict[str, dict[str, Array]]]"


def recorded(contents: Contents, others: Others, *judged: OtherRuntime) -> Contents:
    """The same with an evaluation of the int8 variant, and golden outputs of other runtimes."""
    evaluation = Evaluation(INT8, "onnxruntime", None, "none", None, (), other_runtimes=judged)
    golden = replace(contents.golden, other_runtimes=others)
    return replace(contents, golden=golden, evaluations=(*contents.evaluations, evaluation))


def logits(contents: Contents, scale: float = 2.0) -> dict[str, Array]:
    return {"logits": contents.golden.references[INT8]["logits"] * np.float32(scale)}


@pytest.fixture
def packed_twice(contents: Contents, tmp_path: Path) -> Path:
    """A bundle with outputs of OpenVINO beside those of the host's own runtime."""
    path = tmp_path / "twice.edgetl"
    write_bundle(path, recorded(contents, {INT8: {"openvino": logits(contents)}}, JUDGED))
    return path


@pytest.fixture
def edited(packed_twice: Path, repack: Callable[[dict[str, bytes]], Path]) -> Callable[[Edit], Path]:
    """That bundle with another manifest."""

    def change(edit: Edit) -> Path:
        with ZipFile(packed_twice) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        manifest = msgspec.json.decode(files["manifest.json"])
        edit(manifest)
        return repack(files | {"manifest.json": msgspec.json.encode(manifest, order="sorted")})

    return change


def test_outputs_of_other_runtimes_come_back_with_what_was_found(packed_twice: Path, contents: Contents) -> None:
    bundle = Bundle.open(packed_twice)
    golden = bundle.golden()
    np.testing.assert_array_equal(golden.reference(INT8, "openvino")["logits"], logits(contents)["logits"])
    np.testing.assert_array_equal(golden.reference(INT8, "onnxruntime")["logits"], logits(contents, 1.0)["logits"])
    evaluation = bundle.manifest.evaluations[1]
    assert evaluation.other_runtimes == (JUDGED,)
    assert evaluation.checks_in("openvino") == evaluation.every_check == JUDGED.checks
    assert evaluation.checks_in("onnxruntime") == ()


def test_a_bundle_without_other_runtimes_is_spelled_as_before_there_were_any(files: dict[str, bytes]) -> None:
    manifest = msgspec.json.decode(files["manifest.json"])
    assert set(manifest["golden"]) == {"n", "inputs", "labels", "encoded", "references"}
    assert "other_runtimes" not in manifest["evaluations"][0]


def test_what_was_judged_need_not_be_recorded(contents: Contents, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.edgetl", recorded(contents, {}, JUDGED))
    bundle = Bundle.open(tmp_path / "a.edgetl")
    assert bundle.manifest.evaluations[1].other_runtimes == (JUDGED,)
    assert bundle.golden().other_runtimes == {}


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        pytest.param(
            lambda c: {INT8: {"openvino": {"logits": np.zeros((3, 4), np.float32)}}},
            rf"variant '{INT8}' in 'openvino' are logits: float32 \(3, 4\); expected logits: float32 \(3, 2\)",
            id="shape",
        ),
        pytest.param(
            lambda c: {INT8: {"openvino": {"logits": np.zeros((2, 2), np.float32)}}}, r"float32 \(2, 2\)", id="n"
        ),
        pytest.param(
            lambda c: {INT8: {"openvino": {"logits": np.zeros((3, 2), np.float64)}}}, "are logits: float64", id="dtype"
        ),
        pytest.param(
            lambda c: {INT8: {"openvino": logits(c) | {"more": np.zeros((3, 1), np.float32)}}}, "more: ", id="output"
        ),
        pytest.param(lambda c: {"fp64": {"openvino": logits(c)}}, "'fp64' .* expected nothing", id="variant"),
        pytest.param(
            lambda c: {"fp32": {"openvino": logits(c)}}, "'fp32' in 'openvino', which nobody judged", id="not-judged"
        ),
        pytest.param(lambda c: {INT8: {"tensorrt": logits(c)}}, "'tensorrt', which nobody judged", id="runtime"),
        pytest.param(lambda c: {INT8: {"../../x": logits(c)}}, "which nobody judged", id="traversal"),
        pytest.param(lambda c: {INT8: {}}, "must name other runtimes once", id="none"),
    ],
)
def test_write_refuses_outputs_that_belong_to_nothing(
    contents: Contents, tmp_path: Path, others: Callable[[Contents], Others], sentence: str
) -> None:
    with pytest.raises(BundleError, match=sentence):
        write_bundle(tmp_path / "x.edgetl", recorded(contents, others(contents), JUDGED))
    assert not (tmp_path / "x.edgetl").exists()


@pytest.mark.parametrize(
    ("judged", "sentence"),
    [
        pytest.param((JUDGED, JUDGED), "judged twice in the same runtime", id="twice"),
        pytest.param(
            (msgspec.structs.replace(JUDGED, runtime="onnxruntime"),), "judged twice in the same runtime", id="own"
        ),
        pytest.param(
            (msgspec.structs.replace(JUDGED, runtime="../x"),),
            r"judged in '\.\./x', which is no runtime .*: onnxruntime, openvino",
            id="unknown",
        ),
    ],
)
def test_write_refuses_judgements_that_contradict_each_other(
    contents: Contents, tmp_path: Path, judged: tuple[OtherRuntime, ...], sentence: str
) -> None:
    with pytest.raises(BundleError, match=sentence):
        write_bundle(tmp_path / "x.edgetl", recorded(contents, {}, *judged))


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        pytest.param(lambda m: m["golden"].pop("other_runtimes"), "listed but belongs to nothing", id="not-in-index"),
        pytest.param(lambda m: m["files"].pop(LOGITS), "is not listed", id="not-listed"),
        pytest.param(lambda m: m["golden"].update(other_runtimes={}), "not spelled as EdgeTL spells it", id="empty"),
        pytest.param(lambda m: m["golden"].update(other_runtimes={INT8: []}), "once, in order", id="none"),
        pytest.param(
            lambda m: m["golden"].update(other_runtimes={INT8: ["openvino", "openvino"]}), "once, in order", id="twice"
        ),
        pytest.param(
            lambda m: m["golden"].update(other_runtimes={"fp64": ["openvino"]}), "'fp64', which is no var", id="variant"
        ),
        pytest.param(
            lambda m: m["golden"].update(other_runtimes={INT8: ["../../etc"]}), "which nobody judged", id="traversal"
        ),
        pytest.param(lambda m: m["evaluations"][1].pop("other_runtimes"), "which nobody judged", id="not-judged"),
        pytest.param(
            lambda m: m["evaluations"][1]["other_runtimes"][0].update(surprise=1), "unknown field", id="unknown-field"
        ),
        pytest.param(
            lambda m: m["evaluations"][1]["other_runtimes"][0].pop("checks"), "missing required field", id="no-checks"
        ),
    ],
)
def test_a_manifest_that_lies_about_other_runtimes_is_refused(
    edited: Callable[[Edit], Path], edit: Edit, sentence: str
) -> None:
    with pytest.raises(BundleError, match=sentence):
        Bundle.open(edited(edit))


def test_outputs_of_another_size_than_the_variant_s_are_refused(
    packed_twice: Path, repack: Callable[[dict[str, bytes]], Path], contents: Contents
) -> None:
    with ZipFile(packed_twice) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    wrong = files["golden/inputs/000.npy.zz"]
    manifest = msgspec.json.decode(files["manifest.json"])
    manifest["files"][LOGITS] = manifest["files"]["golden/inputs/000.npy.zz"]
    raw = msgspec.json.encode(manifest, order="sorted")
    bundle = Bundle.open(repack(files | {LOGITS: wrong, "manifest.json": raw}))
    with pytest.raises(BundleError, match="golden tensor 'logits'"):
        bundle.golden()
