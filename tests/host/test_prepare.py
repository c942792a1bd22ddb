"""The host half on small real files: every stage runs, nothing is stubbed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

import edgetl
from edgetl.bundle import Bundle
from edgetl.check import failures
from edgetl.device.bench.timing import Clock
from edgetl.device.probe import INT8_DOT
from edgetl.device.qualify import Settings, qualify
from edgetl.errors import DataError, GateFailed, MissingExtra, RecipeError, Unsupported
from edgetl.host.cache import digest
from edgetl.host.data.dataset import Sample
from edgetl.host.fingerprint import preparation_key
from edgetl.host.material import load_material
from edgetl.host.prepare import check_quantize, prepare
from edgetl.host.request import PrepareRequest
from edgetl.host.stages import Files, adapt, evaluate, export, pack_files, quantize
from edgetl.host.variants import stratified
from edgetl.plugins import BACKENDS, find
from edgetl.progress import Silent
from edgetl.recipe import Adapt, Recipe
from edgetl.runner import Availability
from edgetl.target import LOCAL

RequestOf = Callable[..., PrepareRequest]


class Recorder(Silent):
    """Remembers remarks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_prepare_packs_a_float_and_an_int8_variant(request_of: RequestOf) -> None:
    request = request_of()
    prepared = prepare(request, Silent())
    manifest = Bundle.open(request.out).manifest
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-x86-vnni"]
    assert [set(variant.artifact.proven_isa) for variant in manifest.variants] == [set(), INT8_DOT]
    assert manifest.classes == ("flat", "striped")
    assert all(check.passed for evaluation in manifest.evaluations for check in evaluation.checks)
    float_evaluation = manifest.evaluations[0]
    assert float_evaluation.selection_split == "out-of-fold + validation"
    assert float_evaluation.selection is not None
    assert float_evaluation.selection.headline.n == 90
    assert float_evaluation.test is not None
    assert float_evaluation.test.headline.n == 30
    assert float_evaluation.test.headline.value > 0.9
    assert manifest.provenance.calibration is not None
    assert manifest.provenance.calibration.n == 32
    assert manifest.golden.n == 22
    assert prepared.sha256 == Bundle.open(request.out).sha256


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runtimes are as fast as in the measurement before; on a busy machine another one may come first."""
    monkeypatch.setattr("edgetl.host.inference.relative_times", lambda calls: dict.fromkeys(calls, 1.0))


@pytest.mark.usefixtures("steady")
def test_unchanged_recipe_reuses_the_bundle_and_fresh_makes_the_same_one_again(
    request_of: RequestOf, tmp_path: Path
) -> None:
    request = replace(request_of(), cache=tmp_path / "cache")
    first = prepare(request, Silent())
    second = prepare(request, Silent())
    third = prepare(PrepareRequest(request.recipe, request.base, request.out, request.cache, 2, fresh=True), Silent())
    assert second.reused
    assert not third.reused
    assert first.sha256 == second.sha256 == third.sha256
    assert second.held_out == third.held_out


@pytest.mark.usefixtures("steady")
def test_a_fresh_preparation_judges_quantized_graphs_again(request_of: RequestOf, tmp_path: Path) -> None:
    request = replace(request_of(), cache=tmp_path / "cache")
    first = prepare(request, Silent())
    kept = list((request.cache / "ladder").glob("[!.]*.json"))
    for path in kept:
        path.write_bytes(path.read_bytes().replace(b'"passed":true', b'"passed":false'))
    assert prepare(replace(request, fresh=True), Silent()).sha256 == first.sha256
    assert any(b'"passed":true' in path.read_bytes() for path in kept)


@pytest.mark.parametrize("ending", [".edgetl", ".json"])
def test_a_damaged_bundle_of_an_earlier_run_is_made_again(request_of: RequestOf, ending: str) -> None:
    request = request_of()
    first = prepare(request, Silent())
    made = request.out.read_bytes()
    (kept,) = (path for path in (request.cache / "bundles").glob("*.edgetl") if path.read_bytes() == made)
    damaged = kept.with_suffix(ending)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    second = prepare(request, Silent())
    assert not second.reused
    assert (second.sha256, second.held_out) == (first.sha256, first.held_out)
    assert prepare(request, Silent()).reused


def test_reused_bundle_says_why_there_are_no_events(request_of: RequestOf, tmp_path: Path) -> None:
    recorder, request = Recorder(), request_of()
    prepare(request, Silent())
    assert prepare(replace(request, events=tmp_path / "events"), recorder).reused
    assert len([note for note in recorder.notes if "nothing was trained" in note]) == 1


def test_held_out_images_are_in_no_other_split(request_of: RequestOf) -> None:
    request = request_of()
    prepared = prepare(request, Silent())
    splits = load_material(request, Silent()).splits
    seen = {str(sample.image) for sample in (*splits.train, *splits.validation)}
    assert prepared.held_out
    assert not seen & {held_out.path for held_out in prepared.held_out}


def test_float_model_below_its_gate_fails_and_writes_nothing(request_of: RequestOf) -> None:
    request = request_of(gates={"accuracy_min": 1.0})
    with pytest.raises(GateFailed, match=r"the float model missed a gate .* at least 1 is required$"):
        prepare(replace(request, recipe=_hopeless(request)), Silent())
    assert not request.out.exists()
    request.out.write_bytes(b"of yesterday")
    with pytest.raises(GateFailed, match=r"at least 1 is required; '.*out\.edgetl' of an earlier run stays as it is$"):
        prepare(replace(request, recipe=_hopeless(request)), Silent())
    assert request.out.read_bytes() == b"of yesterday"


def _hopeless(request: PrepareRequest) -> Recipe:
    """The recipe with a method that learns next to nothing."""
    return msgspec.structs.replace(request.recipe, adapt=Adapt("scratch", {"epochs": 1, "learning_rate": 1e-9}))


def test_float_model_that_is_only_too_large_is_left_out_and_int8_is_packed(request_of: RequestOf, hasty: Clock) -> None:
    # of the rendering that every x86 CPU computes exactly
    x86 = {"calibration": 32, "budget_s": 0, "renderings": ["x86"]}
    sizes = _sizes(request_of, quantize=x86)
    assert sizes["int8-x86"] < sizes["fp32"]
    between = sum(sizes.values()) / 2
    gates = {"accuracy_drop_max": 0.05, "margin": 0.2, "size_mb_max": between}
    request, recorder = request_of(gates=gates, quantize=x86), Recorder()
    prepare(request, recorder)
    bundle = Bundle.open(request.out)
    assert [variant.name for variant in bundle.manifest.variants] == ["int8-x86"]
    assert [evaluation.variant for evaluation in bundle.manifest.evaluations] == ["fp32", "int8-x86"]
    assert "MB is allowed" in failures(bundle.manifest.evaluations[0].checks)
    assert any("fp32 is not packed: size" in note for note in recorder.notes)
    assert "fp32, test: accuracy" in bundle.read("card.md").decode()
    assert "(not packed: size: " in bundle.read("card.md").decode()
    result = qualify(bundle, LOCAL, Settings("quick", request.cache, watch=None), clock=hasty)
    assert result.selected is not None
    assert result.selected.startswith("int8-x86/")


def _sizes(request_of: RequestOf, **changes: Any) -> dict[str, float]:
    request = request_of(**changes)
    prepare(request, Silent())
    return {one.name: one.artifact.size_bytes / 1e6 for one in Bundle.open(request.out).manifest.variants}


def test_no_variant_within_the_size_limit_fails_with_each_reason(request_of: RequestOf) -> None:
    request = request_of(gates={"size_mb_max": 0.001})
    with pytest.raises(GateFailed, match=r"no variant meets .* \(fp32: size: .* 0\.001 MB .*int8-x86-vnni: size: "):
        prepare(request, Silent())
    assert not request.out.exists()


def test_int8_variant_that_misses_its_gate_is_left_out_and_the_reason_stays(request_of: RequestOf) -> None:
    strict = request_of(gates={"accuracy_drop_max": 0.0, "margin": 0.0})
    recorder = Recorder()
    prepare(strict, recorder)
    manifest = Bundle.open(strict.out).manifest
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    assert [evaluation.variant for evaluation in manifest.evaluations] == ["fp32", "int8-x86-vnni"]
    assert not all(check.passed for check in manifest.evaluations[1].checks)
    assert any("int8-x86-vnni is not packed" in note for note in recorder.notes)


def test_unknown_option_of_a_method_is_named(request_of: RequestOf) -> None:
    with pytest.raises(RecipeError, match="unknown field `view`"):
        prepare(request_of(adapt={"method": "linear-probe", "view": ["identity"]}), Silent())


def test_unknown_method_lists_what_there_is(request_of: RequestOf) -> None:
    with pytest.raises(Unsupported, match="finetune, linear-probe, scratch"):
        prepare(request_of(adapt={"method": "magic"}), Silent())


def test_recipe_of_a_task_that_cannot_be_trained_is_refused(request_of: RequestOf) -> None:
    with pytest.raises(Unsupported, match="'classify'"):
        prepare(request_of(task={"kind": "tensor"}), Silent())


def test_training_split_too_small_to_calibrate_is_refused_before_any_work(
    request_of: RequestOf, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "few" / name).mkdir(parents=True)
        for index in range(10):
            pixels = rng.integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "few" / name / f"{index}.png")
    with pytest.raises(DataError, match="at least 16"):
        prepare(request_of(data={"source": str(tmp_path / "few")}), Silent())


@pytest.mark.parametrize("change", ["gone", "another name", "another reason"])
def test_a_bundle_is_not_reused_when_other_images_are_skipped(
    request_of: RequestOf, photos: Path, tmp_path: Path, change: str
) -> None:
    folder = Path(shutil.copytree(photos, tmp_path / "photos"))
    bad = folder / "flat/zz.png"
    request = request_of(data={"source": str(folder), "test": 0.25, "validation": 0.25, "skip_bad": True})

    def key() -> str:
        material = load_material(request, Silent())
        return digest(preparation_key(request.recipe, material.identity, request.base))

    bad.write_bytes(b"not an image")
    before = key()
    assert key() == before
    if change == "gone":
        bad.unlink()
    elif change == "another name":
        bad.rename(bad.with_name("zy.png"))
    else:
        bad.write_bytes((photos / "flat/000.png").read_bytes()[:200])
    assert key() != before


def test_images_are_looked_at_again_when_the_code_that_measures_them_changes(
    request_of: RequestOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(request_of(), cache=tmp_path / "cache")

    def audits() -> int:
        load_material(request, Silent())
        return len(list((tmp_path / "cache/audit").iterdir()))

    assert audits() == 1
    code = Path(shutil.copytree(Path(edgetl.__file__).parent, tmp_path / "edgetl"))
    monkeypatch.setattr(edgetl, "__file__", str(code / "__init__.py"))
    assert audits() == 1
    for count, name in enumerate(
        ("images.py", "preprocess.py", "host/data/facts.py", "host/data/fingerprint.py"), start=2
    ):
        (code / name).write_text((code / name).read_text() + "# changed\n")
        assert audits() == count


def test_another_card_is_another_bundle(request_of: RequestOf, photos: Path, tmp_path: Path) -> None:
    request = request_of()
    first = prepare(request, Silent())
    for name, text in (("recipe.toml", ""), ("card.md", "# Another card")):
        (tmp_path / name).write_text(text)
    again = prepare(PrepareRequest(request.recipe, tmp_path, request.out, request.cache, 2), Silent())
    assert first.sha256 != again.sha256
    assert "Another card" in Bundle.open(request.out).read("card.md").decode()


def test_recipe_travels_without_the_folders_of_this_machine(request_of: RequestOf, photos: Path) -> None:
    request = request_of()
    prepare(request, Silent())
    told = Bundle.open(request.out).manifest.provenance.notes["recipe"]
    assert request.recipe.data.source == str(photos)
    assert told["data"]["source"] == photos.name
    assert told["adapt"]["method"] == request.recipe.adapt.method


def test_gates_for_an_unknown_target_are_remarked_at_once_and_keep_nothing_from_passing(request_of: RequestOf) -> None:
    targets = {name: {"latency_p50_ms_max": 1.0} for name in ("local", "lcoal", "jetson")}
    recorder = Recorder()
    request = request_of(gates={"accuracy_drop_max": 0.05, "margin": 0.2, "target": targets})
    prepared = prepare(request, recorder)
    jetson, typo = prepared.remarks
    assert recorder.notes[:2] == [jetson, typo]
    assert jetson.startswith("[gates.target.jetson]: no target of that name is known here (known: local), so")
    assert "did you mean" not in jetson
    assert typo.endswith("did you mean 'local'?")
    assert prepare(request, Silent()).remarks == prepared.remarks, "a reused bundle is no reason to be silent"


def test_unknown_rendering_is_refused_before_any_work(request_of: RequestOf) -> None:
    recorder = Recorder()
    with pytest.raises(Unsupported, match="x86-vnni"):
        prepare(request_of(quantize={"renderings": ["tpu"]}), recorder)


def test_scratch_trains_exports_and_packs(request_of: RequestOf) -> None:
    request = request_of(adapt={"method": "scratch", "epochs": 2}, gates={"accuracy_drop_max": 0.5, "margin": 0.5})
    recorder = Recorder()
    prepare(request, recorder)
    # of 68 images in batches of 16 the last 4 are left out
    assert any(note.startswith("trained on 64 images for 2 epochs in ") for note in recorder.notes)
    manifest = Bundle.open(request.out).manifest
    assert manifest.provenance.method == "scratch"
    assert manifest.evaluations[0].selection_split == "validation"
    assert [entry["epoch"] for entry in manifest.provenance.notes["adapt"]["curve"]] == [1, 2]


def test_stages_alone_give_what_prepare_gives(request_of: RequestOf, tmp_path: Path) -> None:
    whole = request_of()
    prepare(whole, Silent())
    bundle = Bundle.open(whole.out)

    def to(name: str) -> PrepareRequest:
        return PrepareRequest(whole.recipe, whole.base, tmp_path / name, whole.cache, 2)

    adapt(to("adapted"), Silent())
    model = export(to("fp32.onnx"), tmp_path / "adapted", Silent())
    int8 = quantize(to("int8.onnx"), model, "x86-vnni", Silent()).model
    assert int8 is not None
    metrics = evaluate(to("unused"), model, "test", Silent())
    pack_files(to("packed.edgetl"), Files(model, {"x86-vnni": int8}), Silent())
    packed = Bundle.open(tmp_path / "packed.edgetl")
    assert model.read_bytes() == bundle.read("models/fp32.onnx")
    assert metrics == bundle.manifest.evaluations[0].test
    assert [variant.name for variant in packed.manifest.variants] == ["fp32", "int8-x86-vnni"]
    assert packed.read("models/fp32.onnx") == bundle.read("models/fp32.onnx")


def test_stratified_keeps_classes_in_proportion_and_every_class() -> None:
    samples = tuple(
        Sample(b"", label, sha256=f"{label}-{index}") for label, n in ((0, 90), (1, 9), (2, 1)) for index in range(n)
    )
    chosen = stratified(samples, 20, seed=0)
    counts = np.bincount([sample.label for sample in chosen])
    assert counts.tolist() == [18, 2, 1]
    assert len({sample.sha256 for sample in chosen}) == len(chosen)
    assert stratified(samples, 20, seed=0) == chosen


def test_test_photos_do_not_change_what_is_chosen(request_of: RequestOf, photos: Path, tmp_path: Path) -> None:
    # the same training and validation files, other test files: the model must be byte for byte the same
    request = request_of()
    splits = load_material(request, Silent()).splits
    test = splits.open_test("test")

    def given(folder: Path, swapped: bool) -> PrepareRequest:
        for name, samples in (("train", splits.train), ("validation", splits.validation), ("test", test)):
            for sample in samples:
                assert isinstance(sample.image, Path)
                target = folder / name / sample.image.parent.name / sample.image.name
                target.parent.mkdir(parents=True, exist_ok=True)
                image = Image.open(sample.image)
                (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if swapped and name == "test" else image).save(target)
        (folder / "source.py").write_text(SOURCE)
        data = msgspec.structs.replace(request.recipe.data, source="source:load")
        recipe = msgspec.structs.replace(request.recipe, data=data)
        return PrepareRequest(recipe, folder, folder / "out.edgetl", request.cache, 2)

    models = []
    for name, swapped in (("a", False), ("b", True)):
        asked = given(tmp_path / name, swapped)
        prepare(asked, Silent())
        bundle = Bundle.open(asked.out)
        models.append([bundle.read(variant.artifact.file) for variant in bundle.manifest.variants])
    assert models[0] == models[1]


SOURCE = """
from pathlib import Path
from edgetl.host.data.dataset import Dataset, Sample

def load():
    root = Path(__file__).parent
    samples = tuple(
        Sample(path, label, split=split)
        for split in ("train", "validation", "test")
        for label, name in enumerate(("flat", "striped"))
        for path in sorted((root / split / name).glob("*.png"))
    )
    return Dataset(("flat", "striped"), samples)
"""


def test_images_that_show_nothing_are_not_calibrated_on(request_of: RequestOf, tmp_path: Path) -> None:
    """Labels make no ranges of noise."""
    draw, folder = np.random.default_rng(0), tmp_path / "noise"
    for name, largest in (("dark", 100), ("light", 256)):
        (folder / name).mkdir(parents=True)
        for place in range(40):
            pixels = draw.integers(largest // 2, largest, (48, 48, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{place}.png")
    request = request_of(data={"source": str(folder), "test": 0.25, "validation": 0.25})

    with pytest.raises(DataError, match="32 of 32 images show nothing"):
        prepare(request, Silent())


@pytest.mark.parametrize("rendering", ["bf16", "openvino"])
def test_runtime_that_opens_a_graph_is_missed_before_any_work(rendering: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"name": "a", "data": {"source": "a"}, "backbone": {"name": "timm/a"}}
    asked = msgspec.convert({**said, "quantize": {"renderings": ["x86-vnni", rendering]}}, Recipe)
    monkeypatch.setattr(type(find(BACKENDS, "openvino", "runtime")), "probe", lambda _: Availability(False))
    with pytest.raises(MissingExtra, match="openvino"):
        check_quantize(asked)
