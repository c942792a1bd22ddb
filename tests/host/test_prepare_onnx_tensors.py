"""A user's own ONNX file of tokens, and samples of them as ``.npz`` files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgetl
from edgetl.bundle import Bundle, Manifest
from edgetl.cli import run
from edgetl.errors import DataError, Unsupported
from edgetl.host.graph import read_graph
from edgetl.host.prepare import Prepared
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.quantize.coverage import coverage
from edgetl.host.request import PrepareRequest
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data
from edgetl.tensors import Array

WORDS, WIDTH = 64, 16
LENGTHS = (3, 5, 5, 8)
RequestOf = Callable[..., OnnxRequest]


def write_embedder(path: Path, pooled: bool = True) -> Path:
    """Words to vectors, two layers with a sum around them, the mean over words that count, and one layer more."""
    rng = np.random.default_rng(0)
    constants: dict[str, Array] = {
        "words": rng.normal(size=(WORDS, WIDTH)).astype(np.float32),
        "up": rng.normal(scale=0.2, size=(WIDTH, 32)).astype(np.float32),
        "down": rng.normal(scale=0.2, size=(32, WIDTH)).astype(np.float32),
        "last": rng.normal(scale=0.3, size=(WIDTH, 12)).astype(np.float32),
        "one": np.int64([1]),
        "end": np.int64([-1]),
    }
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["x"], "embed"),
        helper.make_node("MatMul", ["x", "up"], ["hidden"], "wide"),
        helper.make_node("Relu", ["hidden"], ["active"], "relu"),
        helper.make_node("MatMul", ["active", "down"], ["narrow"], "narrow"),
        helper.make_node("Add", ["x", "narrow"], ["stream"], "around"),
        helper.make_node("Cast", ["mask"], ["counts"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counts", "end"], ["column"], "unsqueeze"),
        helper.make_node("Mul", ["stream", "column"], ["masked"], "mask"),
        helper.make_node("ReduceSum", ["masked", "one"], ["sums"], "sum", keepdims=0),
        helper.make_node("ReduceSum", ["counts", "one"], ["n"], "count", keepdims=1),
        helper.make_node("Div", ["sums", "n"], ["mean"], "mean"),
        helper.make_node("MatMul", ["mean", "last"], ["embedding"], "last"),
    ]
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 12])
    graph = helper.make_graph(
        nodes,
        "embedder",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("ids", "mask")],
        [output if pooled else helper.make_tensor_value_info("stream", TensorProto.FLOAT, ["batch", "length", WIDTH])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if not pooled:
        del model.graph.node[5:]
    onnx.save(model, path)
    return path


def write_samples(folder: Path, count: int = 96) -> Path:
    """Sentences of several lengths, every other one with the batch before it, and in several integers."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    for place in range(count):
        length = LENGTHS[place % len(LENGTHS)]
        ids, mask = rng.integers(0, WORDS, length), np.ones(length, np.int32)
        arrays = {"ids": ids[None], "mask": mask[None]} if place % 2 else {"ids": ids, "mask": mask}
        np.savez(folder / f"{place:03d}.npz", **arrays)
    return folder


@pytest.fixture
def request_for(tmp_path: Path) -> RequestOf:
    """Makes requests for the embedder."""

    def make(data: Path, model: Path | None = None, expects: InputFormat | None = None, **gates: Any) -> OnnxRequest:
        recipe = recipe_from_data(
            {
                "name": "own",
                "data": {"source": str(data)},
                "task": {"kind": "tensor"},
                "backbone": {"name": "embedder.onnx"},
                "quantize": {"calibration": 32, "budget_s": 0},
                "gates": {"output_error_max": 0.2, **gates},
                "golden": {"n": 8},
            }
        )
        common = PrepareRequest(recipe, data, tmp_path / "own.edgetl", tmp_path / "cache", threads=1)
        return OnnxRequest(common, model or write_embedder(tmp_path / "embedder.onnx"), expects or InputFormat())

    return make


def prepared(asked: OnnxRequest) -> tuple[Prepared, Manifest]:
    done = prepare_onnx(asked, Silent())
    return done, Bundle.open(asked.common.out).manifest


def test_a_model_of_tokens_is_quantized_and_judged(tmp_path: Path, request_for: RequestOf) -> None:
    done, manifest = prepared(request_for(write_samples(tmp_path / "samples")))
    assert done.remarks == ()
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-x86-vnni"]
    (check,) = [check for check in manifest.evaluations[1].checks if check.name == "output error"]
    assert check.passed
    assert check.n == 64
    assert all(one.selection is None for one in manifest.evaluations[1].other_runtimes)
    others = {check.name: check.n for one in manifest.evaluations[1].other_runtimes for check in one.checks}
    assert others == {f"output error ({one.runtime})": 64 for one in manifest.evaluations[1].other_runtimes}
    assert manifest.preprocess is None
    assert manifest.provenance.method == "user-onnx"
    assert manifest.provenance.calibration is not None
    assert manifest.provenance.calibration.n == 32
    assert manifest.provenance.samples == {"train": 32, "validation": 64, "test": 0}
    quantized = Bundle.open(tmp_path / "own.edgetl").model("int8-x86-vnni", tmp_path / "models")
    assert set(coverage(read_graph(quantized)).quantized) == {"wide", "narrow"}


def test_golden_samples_have_all_inputs_of_the_commonest_shape(tmp_path: Path, request_for: RequestOf) -> None:
    _, manifest = prepared(request_for(write_samples(tmp_path / "samples")))
    assert {spec.name: spec.shape for spec in manifest.golden.inputs} == {"ids": (8, 5), "mask": (8, 5)}
    assert {spec.dtype for spec in manifest.golden.inputs} == {"int64"}
    assert manifest.golden.encoded == ()
    golden = Bundle.open(tmp_path / "own.edgetl").golden()
    assert golden.references["fp32"]["embedding"].shape == (8, 12)


def test_the_bundle_predicts_from_files_of_any_length(tmp_path: Path, request_for: RequestOf) -> None:
    samples = write_samples(tmp_path / "samples")
    asked = request_for(samples)
    prepared(asked)
    with edgetl.open(asked.common.out, runtime="onnxruntime", cache_dir=tmp_path / "device") as model:
        short, long = model.predict([samples / "000.npz", samples / "003.npz"])
        again = model.predict((samples / "003.npz").read_bytes())
        with pytest.raises(DataError, match=r"no.npz' as a sample: it cannot be read"):
            model.predict(samples / "no.npz")
    assert short["embedding"].shape == (12,)
    np.testing.assert_array_equal(long["embedding"], again["embedding"])
    assert not np.array_equal(short["embedding"], long["embedding"])


def test_a_second_preparation_gives_the_same_bundle(tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(write_samples(tmp_path / "samples"))
    first, second = prepare_onnx(asked, Silent()), prepare_onnx(asked, Silent())
    assert first.sha256 == second.sha256


def test_too_few_samples_pack_the_float_model(tmp_path: Path, request_for: RequestOf) -> None:
    done, manifest = prepared(request_for(write_samples(tmp_path / "samples", 30)))
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    assert "30 different samples are too few: 10 to calibrate and 20 to judge by" in done.remarks[0]


def test_an_output_as_long_as_its_sample_is_refused(tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(write_samples(tmp_path / "samples"), write_embedder(tmp_path / "raw.onnx", pooled=False))
    with pytest.raises(Unsupported, match=r"output 'stream'.*same shape for every one; give samples of one length,"):
        prepare_onnx(asked, Silent())


def test_what_says_how_images_are_fed_is_refused(tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(write_samples(tmp_path / "samples"), expects=InputFormat(mean=(0.0,) * 3, std=(1.0,) * 3))
    with pytest.raises(Unsupported, match=r"which the model takes as they are; leave out what says how images are fed"):
        prepare_onnx(asked, Silent())


def test_images_for_a_model_of_tokens_are_refused(photos: Path, request_for: RequestOf) -> None:
    with pytest.raises(Unsupported, match=r"the model's inputs are ids, mask; .*\.npz files, one array for each input"):
        prepare_onnx(request_for(photos), Silent())


def test_samples_of_both_kinds_and_of_none_are_refused(tmp_path: Path, request_for: RequestOf) -> None:
    samples = write_samples(tmp_path / "samples", 3)
    (samples / "photo.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"both images \(photo.png\) and .npz files \(000.npz\); expected images"):
        prepare_onnx(request_for(samples), Silent())
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="has no samples; expected images"):
        prepare_onnx(request_for(tmp_path / "none"), Silent())


def test_every_command_takes_such_a_bundle(
    tmp_path: Path, request_for: RequestOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDGETL_CACHE", str(tmp_path / "device"))
    samples = write_samples(tmp_path / "samples")
    asked = request_for(samples)
    prepared(asked)
    bundle, (result, report) = str(asked.common.out), (tmp_path / name for name in ("result.json", "report.html"))
    assert run(["inspect", bundle]) == 0
    assert "tensors, as the model takes them" in capsys.readouterr().out
    assert run(["qualify", bundle, "-o", str(result), "--effort", "quick", "-q"]) == 0
    capsys.readouterr()
    (samples / "bad.npz").write_bytes(b"PK")
    assert run(["predict", bundle, str(samples), "--result", str(result), "--json", "-q"]) == 2
    answers = json.loads(capsys.readouterr().out)
    assert [len(one["outputs"]["embedding"]) for one in answers[:96]] == [12] * 96
    assert "bad.npz' as a sample: it is damaged" in answers[96]["error"]["message"]
    assert run(["bench", bundle, "--effort", "quick", "--runtime", "onnxruntime", "-q"]) == 0
    assert run(["bench", bundle, "--effort", "quick", "--scope", "end-to-end"]) == 2
    assert run(["report", bundle, str(result), "-o", str(report)]) == 0
    assert run(["unpack", bundle, "-o", str(tmp_path / "plain"), "-q"]) == 0
