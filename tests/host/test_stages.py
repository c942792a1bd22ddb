"""Stages alone give what ``prepare`` gives, and refuse damaged files in words."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import msgspec
import onnx
import pytest

from edgetl.bundle import Bundle
from edgetl.errors import InputError
from edgetl.host.prepare import prepare
from edgetl.host.request import PrepareRequest
from edgetl.host.stages import Files, adapt, evaluate, export, pack_files, quantize
from edgetl.progress import Silent
from edgetl.report.ladder import ladders_from

RequestOf = Callable[..., PrepareRequest]
RENDERING = "x86-vnni"


class Recorder(Silent):
    """Remembers remarks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def exported(request_of: RequestOf, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> PrepareRequest:
    """A request after ``adapt`` and ``export``, into ``adapted`` and ``fp32.onnx`` of ``tmp_path``."""
    request, made = request_of(), tmp_path_factory.getbasetemp() / "stages-exported"
    if not made.exists():
        adapt(replace(request, out=made / "adapted"), Silent())
        export(replace(request, out=made / "fp32.onnx"), made / "adapted", Silent())
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return request


def model_hashes(bundle: Path) -> dict[str, str]:
    return {variant.name: variant.artifact.sha256 for variant in Bundle.open(bundle).manifest.variants}


def test_stages_alone_make_the_models_and_judgements_that_prepare_makes(
    exported: PrepareRequest, tmp_path: Path
) -> None:
    recorder = Recorder()
    quantize(replace(exported, out=tmp_path / "int8.onnx"), tmp_path / "fp32.onnx", RENDERING, recorder)
    files = Files(tmp_path / "fp32.onnx", {RENDERING: tmp_path / "int8.onnx"})
    pack_files(replace(exported, out=tmp_path / "stages.edgetl"), files, recorder)
    prepare(exported, Silent())

    assert recorder.notes == []
    assert model_hashes(tmp_path / "stages.edgetl") == model_hashes(exported.out)
    alone, whole = (Bundle.open(path).manifest for path in (tmp_path / "stages.edgetl", exported.out))
    assert msgspec.json.encode(alone.evaluations) == msgspec.json.encode(whole.evaluations)
    assert alone.provenance.calibration == whole.provenance.calibration
    assert alone.provenance.calibration is not None
    assert ladders_from(alone.provenance.notes) == ladders_from(whole.provenance.notes)
    assert [ladder.rendering for ladder in ladders_from(alone.provenance.notes)] == [RENDERING]


def test_a_model_without_notes_is_quantized_with_settings_chosen_again_and_says_so(
    exported: PrepareRequest, tmp_path: Path
) -> None:
    (tmp_path / "fp32.onnx.notes.npz").unlink()
    recorder = Recorder()
    quantize(replace(exported, out=tmp_path / "int8.onnx"), tmp_path / "fp32.onnx", RENDERING, recorder)
    assert any("chosen again" in note for note in recorder.notes)


def test_a_model_with_weights_beside_it_is_quantized_and_packed_as_one_file(
    exported: PrepareRequest, tmp_path: Path
) -> None:
    (tmp_path / "split").mkdir()
    split = tmp_path / "split" / "fp32.onnx"
    model = onnx.load(tmp_path / "fp32.onnx")
    onnx.save(model, split, save_as_external_data=True, location="weights.bin", size_threshold=0)
    quantize(replace(exported, out=tmp_path / "int8.onnx"), split, RENDERING, Silent())
    pack_files(exported, Files(split, {RENDERING: tmp_path / "int8.onnx"}), Silent())
    assert Bundle.open(exported.out).manifest.variants[0].artifact.size_bytes > split.stat().st_size


def test_a_graph_that_misses_a_gate_is_not_written(
    exported: PrepareRequest, request_of: RequestOf, tmp_path: Path
) -> None:
    strict = request_of(gates={"accuracy_drop_max": 0.0, "margin": 0.0})
    found = quantize(replace(strict, out=tmp_path / "int8.onnx"), tmp_path / "fp32.onnx", RENDERING, Silent())
    assert found.model is None
    assert not found.ladder.passed
    assert not list(tmp_path.glob("int8.onnx*"))


@pytest.mark.parametrize("damage", [b"", b"not a zip", b"PK\x03\x04 cut"], ids=["empty", "text", "cut"])
@pytest.mark.parametrize("file", ["adapted.json", "head.npz", "trunk.safetensors"])
def test_a_damaged_adapted_folder_is_refused_in_words(
    file: str, damage: bytes, exported: PrepareRequest, tmp_path: Path
) -> None:
    (tmp_path / "adapted" / file).write_bytes(damage)
    with pytest.raises(InputError, match="run edgetl adapt again"):
        export(replace(exported, out=tmp_path / "again.onnx"), tmp_path / "adapted", Silent())


def test_damaged_notes_are_refused_in_words(exported: PrepareRequest, tmp_path: Path) -> None:
    notes = tmp_path / "fp32.onnx.notes.npz"
    notes.write_bytes(notes.read_bytes()[:200])
    with pytest.raises(InputError, match="is damaged"):
        evaluate(exported, tmp_path / "fp32.onnx", "validation", Silent())


class NoWork(Silent):
    """Nothing that takes time may begin."""

    def stage(self, title: str, total: int | None = None) -> NoReturn:
        raise AssertionError(f"{title} began")


STAGES: dict[str, Callable[[PrepareRequest, Path], object]] = {
    "evaluate": lambda request, model: evaluate(request, model, "validation", NoWork()),
    "quantize": lambda request, model: quantize(request, model, RENDERING, NoWork()),
    "pack": lambda request, model: pack_files(request, Files(model, {}), NoWork()),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_missing_or_damaged_model_is_refused_before_any_work(
    request_of: RequestOf, tmp_path: Path, stage: str
) -> None:
    with pytest.raises(InputError, match="cannot read model"):
        STAGES[stage](request_of(), tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(InputError, match="is not an ONNX file"):
        STAGES[stage](request_of(), tmp_path / "text.onnx")
