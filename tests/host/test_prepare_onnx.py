"""A user's own ONNX file, with labels and without."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.device.candidates import backends_of, form
from edgetl.device.probe import environment
from edgetl.errors import GateFailed, Unsupported
from edgetl.host import original
from edgetl.host import prepare_onnx as prepare_onnx_module
from edgetl.host.material import load_material
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.request import PrepareRequest
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data
from edgetl.target import LOCAL

BF16 = {"avx512_bf16", "amx_bf16", "avx512f"}
"""With any of these OpenVINO computes in bf16; with the last alone it is emulated, and slow."""
RequestOf = Callable[..., OnnxRequest]
PLAIN = InputFormat(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class NoWork(Silent):
    """Nothing that takes time may begin."""

    def stage(self, title: str, total: int | None = None) -> NoReturn:
        raise AssertionError(f"{title} began")


@pytest.fixture
def request_for(detector: Callable[..., Path]) -> Callable[..., OnnxRequest]:
    """Makes requests with the detector of stripes."""

    def make(photos: Path, folder: Path, task: str = "classify", classes: int = 2) -> OnnxRequest:
        recipe = recipe_from_data(
            {
                "name": "own",
                "data": {"source": str(photos)},
                "task": {"kind": task},
                "backbone": {"name": "stripes.onnx"},
                "quantize": {"calibration": 32},
                "gates": {"accuracy_drop_max": 0.2, "margin": 0.3},
            }
        )
        common = PrepareRequest(recipe, photos, folder / "own.edgetl", folder / "cache", threads=1)
        return OnnxRequest(common, detector(folder / "stripes.onnx", classes), PLAIN)

    return make


def test_labelled_data_give_a_float_and_an_int8_variant_that_are_judged(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path)
    assert prepare_onnx(asked, Silent()).remarks == ()
    manifest = Bundle.open(asked.common.out).manifest
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-x86-vnni"]
    for evaluation in manifest.evaluations:
        assert evaluation.selection is not None
        assert evaluation.selection.headline.value > 0.9


@pytest.mark.parametrize("opset", [11, 12])
def test_models_of_old_opsets_get_int8_too(photos: Path, tmp_path: Path, request_for: RequestOf, opset: int) -> None:
    asked = request_for(photos, tmp_path)
    model = onnx.load(asked.model)
    model.opset_import[0].version = opset
    onnx.save(model, asked.model)
    assert prepare_onnx(asked, Silent()).remarks == ()
    variants = {variant.name: variant for variant in Bundle.open(asked.common.out).manifest.variants}
    assert set(variants) == {"fp32", "int8-x86-vnni"}


def test_a_model_that_is_very_sure_may_end_in_log_softmax(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(photos, tmp_path)
    model = onnx.load(asked.model)
    (weight,) = (tensor for tensor in model.graph.initializer if tensor.name == "weight")
    weight.CopyFrom(onnx.numpy_helper.from_array(1000 * onnx.numpy_helper.to_array(weight), "weight"))
    model.graph.node[-1].op_type = "LogSoftmax"
    onnx.save(model, asked.model)

    prepare_onnx(asked, Silent())

    assert Bundle.open(asked.common.out).manifest.variants[0].name == "fp32"


def test_probabilities_by_other_operators_than_a_softmax_are_told_as_they_are(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    """A softmax of probabilities would tell 0.73 at most of two classes."""
    asked = request_for(photos, tmp_path)
    model = onnx.load(asked.model)
    model.graph.node[-1].output[0] = "sure"
    bounds = {"none": np.float32(0), "all": np.float32(1)}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in bounds.items())
    model.graph.node.append(helper.make_node("Clip", ["sure", "none", "all"], ["probabilities"], "clip"))
    onnx.save(model, asked.model)

    prepare_onnx(asked, Silent())

    evaluation = Bundle.open(asked.common.out).manifest.evaluations[0]
    assert evaluation.selection is not None
    assert evaluation.selection.headline.value > 0.9
    golden = Bundle.open(asked.common.out)
    assert golden.manifest.provenance.notes["wrapping"]["removed"] == "Softmax"


def test_a_fresh_preparation_takes_nothing_that_was_judged_before(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path)
    prepare_onnx(asked, Silent())
    (kept,) = (asked.common.cache / "ladder").glob("[!.]*.json")
    judged = kept.read_bytes()
    wrong = judged.replace(b'"passed":true', b'"passed":false')
    assert wrong != judged
    kept.write_bytes(wrong)
    prepare_onnx(asked, Silent())
    assert kept.read_bytes() == wrong
    prepare_onnx(replace(asked, common=replace(asked.common, fresh=True)), Silent())
    assert b'"passed":true' in kept.read_bytes()
    assert Bundle.open(asked.common.out).manifest.provenance.notes["quantization"][0]["passed"]


def pixels_sha256(path: Path) -> str:
    """Of an image that has the size of the model's input already."""
    with Image.open(path) as image:
        return hashlib.sha256(np.asarray(image.convert("RGB")).tobytes()).hexdigest()


def test_the_bundle_tells_which_images_calibrated_and_how_many_of_each_class(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    for path in sorted((tmp_path / "photos/striped").iterdir())[30:]:
        path.unlink()
    asked, told = request_for(tmp_path / "photos", tmp_path), []
    for count in (1000, 21):
        quantize = msgspec.structs.replace(asked.common.recipe.quantize, calibration=count, budget_s=0)
        recipe = msgspec.structs.replace(asked.common.recipe, quantize=quantize)
        prepare_onnx(replace(asked, common=replace(asked.common, recipe=recipe)), Silent())
        told.append(Bundle.open(asked.common.out).manifest.provenance.calibration)
    paths = [sample.image for sample in load_material(asked.common, Silent()).splits.train]

    whole, part = told
    assert whole.n == len(paths) == sum(whole.classes.values())
    assert whole.classes == Counter(path.parent.name for path in paths)
    hashes = "".join(sorted(pixels_sha256(path) for path in paths))
    assert whole.sha256 == hashlib.sha256(hashes.encode()).hexdigest()
    assert (part.n, part.classes) == (21, {"flat": 14, "striped": 7})
    assert part.sha256 != whole.sha256


def test_a_bundle_may_carry_a_variant_for_every_kind_of_target(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    """All of one calibration; each is judged, and this machine tries the ones for its CPU."""
    asked = request_for(photos, tmp_path)
    renderings = ("x86", "tensorrt", "fp16", "bf16")
    quantize = msgspec.structs.replace(asked.common.recipe.quantize, renderings=renderings)
    recipe = msgspec.structs.replace(asked.common.recipe, quantize=quantize)
    asked = replace(asked, common=replace(asked.common, recipe=recipe))

    remarks = prepare_onnx(asked, Silent()).remarks

    manifest, has_bf16 = Bundle.open(asked.common.out).manifest, bool(BF16 & set(environment().cpu.isa))
    assert has_bf16 != any(one.startswith("there is no graph for 'bf16'") for one in remarks)
    assert [(variant.name, variant.artifact.precision) for variant in manifest.variants] == [
        ("fp32", "fp32"),
        ("int8-x86", "int8"),
        ("int8-tensorrt", "int8"),
        ("fp16", "fp16"),
        # of CPU runtimes only OpenVINO computes it, where the CPU can
        *([("bf16", "bf16")] if has_bf16 else []),
    ]
    formed = form(manifest.variants, LOCAL, environment(), backends_of(LOCAL))
    assert {one.variant.name for one in formed if one.rejected_because is None} >= {"fp32", "int8-x86"}
    rejected = {one.variant.name for one in formed if one.rejected_because is not None}
    assert rejected >= ({"fp16", "bf16"} if has_bf16 else {"fp16"})


def test_a_rendering_that_cannot_be_written_leaves_the_others(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    """TensorRT takes graphs of opset 17 at most, and there is no Gelu in that."""
    asked = request_for(photos, tmp_path)
    model = onnx.load(asked.model)
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Gelu"
    model.opset_import[0].version, model.ir_version = 20, 9
    onnx.save(model, asked.model)
    quantize = msgspec.structs.replace(asked.common.recipe.quantize, renderings=("tensorrt", "x86-vnni"))
    recipe = msgspec.structs.replace(asked.common.recipe, quantize=quantize)

    done = prepare_onnx(replace(asked, common=replace(asked.common, recipe=recipe)), Silent())

    assert [variant.name for variant in Bundle.open(asked.common.out).manifest.variants] == ["fp32", "int8-x86-vnni"]
    remark, *_ = done.remarks  # with another activation it may guess no better than chance, too
    assert remark.startswith("there is no graph for 'tensorrt', because ")


def test_classes_in_another_order_than_the_models_are_warned_of(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    for ours, theirs in (("flat", "striped"), ("striped", "flat")):
        shutil.copytree(photos / ours, tmp_path / "swapped" / theirs)
    (remark,) = prepare_onnx(request_for(tmp_path / "swapped", tmp_path), Silent()).remarks
    assert remark.startswith("WARNING: accuracy 0.0 % on validation data")
    assert "is not shown to be better than always answering 'flat', the commonest class (50.0 %)" in remark
    assert "in another order than here (0 flat, 1 striped)" in remark
    assert "size 48x48, colours in the order RGB, layout NCHW, mean 0,0,0, std 1,1,1 for pixels from 0 to 1" in remark


def test_outputs_that_are_not_the_classes_of_the_data_are_refused(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    with pytest.raises(Unsupported, match="has 3 outputs, the data has 2 classes"):
        prepare_onnx(request_for(photos, tmp_path, classes=3), NoWork())


def test_a_single_score_for_two_classes_is_refused_with_what_to_do(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    with pytest.raises(Unsupported, match=r"a single score for 'striped'; .* put a Concat of 0 \(for 'flat'\)"):
        prepare_onnx(request_for(photos, tmp_path, classes=1), NoWork())


def cut_before_the_opset(model: bytes) -> bytes:
    """Its last field: what is left can be parsed all the same."""
    whole = onnx.load_from_string(model)
    opset = whole.opset_import[0].SerializeToString()
    assert model.endswith(opset)
    return model[: -len(opset) - 2]


DAMAGES = {
    "text": (lambda model: b"not a model\n", "is not an ONNX file"),
    "html": (lambda model: b"<!DOCTYPE html><title>404</title>", "is not an ONNX file"),
    "half": (lambda model: model[: len(model) // 2], "is not an ONNX file"),
    "without its end": (cut_before_the_opset, "cannot load .* may be damaged or cut off: export the model again"),
    "empty": (lambda model: b"", "holds no ONNX graph"),
}


@pytest.mark.parametrize("task", ["classify", "tensor"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_before_any_image_is_read(
    photos: Path, tmp_path: Path, damage: str, task: str, request_for: RequestOf
) -> None:
    asked, (damaged, message) = request_for(photos, tmp_path, task), DAMAGES[damage]
    asked.model.write_bytes(damaged(asked.model.read_bytes()))
    with pytest.raises(Unsupported, match=message):
        prepare_onnx(asked, NoWork())


def test_bundle_says_how_the_model_was_wrapped_and_nothing_of_the_machine(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path)
    (tmp_path / "card.md").write_text("# another thing's card")
    asked = replace(asked, common=replace(asked.common, base=tmp_path))
    prepare_onnx(asked, Silent())
    bundle = Bundle.open(asked.common.out)
    provenance = bundle.manifest.provenance
    assert provenance.method == "user-onnx"
    assert provenance.notes["wrapping"] == {"mean": [0, 0, 0], "std": [1, 1, 1], "layout": "NCHW", "removed": "Softmax"}
    assert provenance.notes["splits"]["sha256"]
    assert str(tmp_path).encode() not in asked.common.out.read_bytes()
    assert b"another thing" not in asked.common.out.read_bytes()


def test_float_variant_is_proven_against_the_file_as_it_came(
    photos: Path, tmp_path: Path, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path)
    prepare_onnx(asked, Silent())
    checks = Bundle.open(asked.common.out).manifest.evaluations[0].checks
    assert [check.passed for check in checks if check.name == "parity of probabilities with the original model"] == [
        True
    ]


def test_a_wrapping_that_computes_something_else_fails(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_for: RequestOf
) -> None:
    asked = request_for(photos, tmp_path)
    right = original.original_outputs
    wrong = lambda *given: {name: array[:, ::-1] for name, array in right(*given).items()}  # noqa: E731
    monkeypatch.setattr(prepare_onnx_module, "original_outputs", wrong)
    with pytest.raises(GateFailed, match=r"does not compute what 'stripes\.onnx' computes"):
        prepare_onnx(asked, Silent())
    assert not asked.common.out.exists()


def test_weights_beside_the_model_end_up_in_the_bundle(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(photos, tmp_path)
    onnx.save(onnx.load(asked.model), asked.model, save_as_external_data=True, location="weights.bin", size_threshold=0)
    prepare_onnx(asked, Silent())
    manifest = Bundle.open(asked.common.out).manifest
    assert manifest.evaluations[0].test is not None
    assert manifest.evaluations[0].test.headline.value > 0.9


def test_a_tensor_model_keeps_its_outputs_in_the_bundle(photos: Path, tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(photos, tmp_path, task="tensor")
    model = onnx.load(asked.model)
    model.graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, ["batch", 8]))
    onnx.save(model, asked.model)
    prepare_onnx(asked, Silent())
    golden = Bundle.open(asked.common.out).golden()
    assert set(golden.references["fp32"]) == {"probabilities", "flat"}
    np.testing.assert_allclose(golden.references["fp32"]["probabilities"].sum(1), 1, rtol=1e-5)
