"""A user's own classifier of tokens, and labelled samples of them as ``.npz`` files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edgetl
from edgetl.bundle import Bundle
from edgetl.cli import run
from edgetl.device.qualify import Settings, qualify
from edgetl.device.tasks.classify import Prediction
from edgetl.errors import DataError, Unsupported
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.request import PrepareRequest
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data
from edgetl.target import LOCAL
from edgetl.tensors import Array

WORDS, WIDTH, LENGTH = 60, 16, 6
CLASSES = ("high", "low", "middle")
RequestOf = Callable[..., OnnxRequest]


def write_classifier(path: Path, softmax: bool = True, ids: str = "ids", outputs: int = 3) -> Path:
    """Tells of what third of the words most of a sentence is: an embedding, its mean, and two layers."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, WIDTH))
    mixing = rng.normal(scale=WIDTH**-0.5, size=(WIDTH, WIDTH))
    # a class is the place of its folder in sorted order: high, low, middle
    head = (centres[[2, 0, 1, 0][:outputs]] @ mixing).T
    constants: dict[str, Array] = {
        "words": (centres.repeat(WORDS // 3, axis=0) + rng.normal(scale=0.4, size=(WORDS, WIDTH))).astype(np.float32),
        "mixing": mixing.astype(np.float32),
        "last": head.astype(np.float32),
        "bias": np.zeros(outputs, np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["words", ids], ["x"], "embed"),
        helper.make_node("MatMul", ["x", "mixing"], ["mixed"], "mix"),
        helper.make_node("ReduceMean", ["mixed"], ["mean"], "mean", axes=[1], keepdims=0),
        helper.make_node("Gemm", ["mean", "last", "bias"], ["scores"], "classifier"),
        *([helper.make_node("Softmax", ["scores"], ["probabilities"], "softmax")] if softmax else []),
    ]
    graph = helper.make_graph(
        nodes,
        "tokens",
        [helper.make_tensor_value_info(ids, TensorProto.INT64, ["batch", "length"])],
        [
            helper.make_tensor_value_info(
                "probabilities" if softmax else "scores", TensorProto.FLOAT, ["batch", outputs]
            )
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def sentence(label: str, rng: np.random.Generator) -> Array:
    """Four words of the class, and two of any."""
    start = {"low": 0, "middle": WORDS // 3, "high": 2 * WORDS // 3}[label]
    return np.concatenate([rng.integers(start, start + WORDS // 3, LENGTH - 2), rng.integers(0, WORDS, 2)])


def write_samples(folder: Path, count: int = 60) -> Path:
    """A folder for each class."""
    rng = np.random.default_rng(1)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
        for place in range(count):
            np.savez(folder / label / f"{place:03d}.npz", ids=sentence(label, rng))
    return folder


@pytest.fixture
def request_for(tmp_path: Path) -> RequestOf:
    """Makes requests for the classifier."""

    def make(data: Path, model: Path | None = None, expects: InputFormat | None = None, **changes: Any) -> OnnxRequest:
        recipe = recipe_from_data(
            {
                "name": "own",
                "data": {"source": str(data), **changes},
                "task": {"kind": "classify"},
                "backbone": {"name": "tokens.onnx"},
                "quantize": {"calibration": 48, "budget_s": 0, "renderings": ["x86"]},
                "gates": {"accuracy_drop_max": 0.05, "margin": 0.2},
                "golden": {"n": 24},
            }
        )
        common = PrepareRequest(recipe, data, tmp_path / "own.edgetl", tmp_path / "cache", threads=1)
        return OnnxRequest(common, model or write_classifier(tmp_path / "tokens.onnx"), expects or InputFormat())

    return make


def test_int8_is_judged_by_accuracy(tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(write_samples(tmp_path / "samples"))
    done = prepare_onnx(asked, Silent())
    manifest = Bundle.open(asked.common.out).manifest
    assert done.remarks == ()
    assert len(done.held_out) == 9
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-x86"]
    assert (manifest.task, manifest.classes, manifest.preprocess) == ("classify", CLASSES, None)
    assert manifest.golden.encoded == ()
    assert manifest.provenance.samples == {"train": 114, "validation": 30, "test": 36}
    for evaluation in manifest.evaluations:
        assert evaluation.selection is not None
        assert evaluation.selection.headline.value > 0.9
        assert evaluation.test is not None
        assert evaluation.test.headline.n == 36
    (drop,) = [check for check in manifest.evaluations[1].checks if check.name == "accuracy drop"]
    assert drop.passed
    assert manifest.provenance.notes["wrapping"] == {"removed": "Softmax"}
    assert manifest.provenance.calibration is not None
    assert manifest.provenance.calibration.classes == {"high": 16, "low": 16, "middle": 16}


def test_a_device_predicts_classes_and_qualifies(tmp_path: Path, request_for: RequestOf) -> None:
    asked = request_for(write_samples(tmp_path / "samples"), write_classifier(tmp_path / "plain.onnx", softmax=False))
    prepare_onnx(asked, Silent())
    sample = next((tmp_path / "samples" / "middle").iterdir())
    with edgetl.open(asked.common.out, cache_dir=tmp_path / "device") as model:
        found = model.predict(sample)
        batch = model.predict({"ids": np.stack([np.load(sample)["ids"]] * 3)})
    assert isinstance(found, Prediction)
    assert found.label == "middle"
    assert sum(found.scores.values()) == pytest.approx(1)
    assert batch == [found, found, found]
    result = qualify(Bundle.open(asked.common.out), LOCAL, Settings("quick", tmp_path / "qualified"))
    rejected = [one.rejected_because for one in result.candidates if one.variant == "int8-x86"]
    assert rejected
    # which one is fastest is the machine's affair
    assert all(because is None or "the latency of" in because for because in rejected)


def test_given_splits_are_kept_and_a_table_may_list_samples(tmp_path: Path, request_for: RequestOf) -> None:
    rng, lines = np.random.default_rng(2), ["path,label,split"]
    for split, count in (("train", 20), ("val", 30), ("test", 10)):
        for label in CLASSES:
            for place in range(count):
                name = f"{split}-{label}-{place}.npz"
                np.savez(tmp_path / name, ids=sentence(label, rng))
                lines.append(f"{name},{label},{split}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    asked = request_for(tmp_path / "table.csv")
    prepare_onnx(asked, Silent())
    samples = Bundle.open(asked.common.out).manifest.provenance.samples
    assert samples == {"train": 60, "validation": 90, "test": 30}


@pytest.mark.parametrize(
    ("folders", "problem"),
    [
        (
            {"high": 10, "low": 10, "middle": 2},
            r"too few readable samples in class 'middle' \(2\), expected at least 10",
        ),
        ({"high": 9, "low": 9}, "has 3 outputs, the data has 2 classes"),
        ({"high": 9, "low": 9, "middle": 0}, r"class folder .*middle.* has no \.npz files"),
    ],
    ids=["few", "classes", "empty"],
)
def test_labels_that_nothing_can_be_judged_by_are_refused(
    folders: dict[str, int], problem: str, tmp_path: Path, request_for: RequestOf
) -> None:
    rng = np.random.default_rng(3)
    for label, count in folders.items():
        (tmp_path / "samples" / label).mkdir(parents=True)
        for place in range(count):
            np.savez(tmp_path / "samples" / label / f"{place}.npz", ids=sentence(label, rng))
    with pytest.raises((DataError, Unsupported), match=problem):
        prepare_onnx(request_for(tmp_path / "samples"), Silent())


def test_one_sample_of_two_labels_is_refused(tmp_path: Path, request_for: RequestOf) -> None:
    folder = write_samples(tmp_path / "samples", count=12)
    (folder / "low" / "again.npz").write_bytes((folder / "high" / "000.npz").read_bytes())
    with pytest.raises(DataError, match="1 sample has two labels; keep one of each"):
        prepare_onnx(request_for(folder), Silent())


def test_repeated_samples_are_told(tmp_path: Path, request_for: RequestOf) -> None:
    folder = write_samples(tmp_path / "samples", count=20)
    for place in range(12):
        (folder / "low" / f"again-{place}.npz").write_bytes((folder / "low" / "000.npz").read_bytes())
    warnings: list[str] = []

    class Warned(Silent):
        def warn(self, message: str) -> None:
            warnings.append(message)

    prepare_onnx(request_for(folder), Warned())
    assert "12 of 72 samples repeat another one; repeats stay in one split" in warnings


def test_divided_folders_may_hold_samples(tmp_path: Path, request_for: RequestOf) -> None:
    rng = np.random.default_rng(4)
    for split, count in (("train", 16), ("val", 20), ("test", 4)):
        for label in CLASSES:
            (tmp_path / "samples" / split / label).mkdir(parents=True)
            for place in range(count):
                np.savez(tmp_path / "samples" / split / label / f"{place}.npz", ids=sentence(label, rng))
    asked = request_for(tmp_path / "samples")
    prepare_onnx(asked, Silent())
    samples = Bundle.open(asked.common.out).manifest.provenance.samples
    assert samples == {"train": 48, "validation": 60, "test": 12}


def test_a_shuffled_order_of_classes_is_warned_of(tmp_path: Path, request_for: RequestOf) -> None:
    folder = write_samples(tmp_path / "samples")
    for before, after in (("high", "z"), ("low", "high"), ("z", "low")):
        (folder / before).rename(folder / after)
    done = prepare_onnx(request_for(folder), Silent())
    (remark,) = [one for one in done.remarks if one.startswith("WARNING")]
    assert "or its samples are prepared otherwise than here (arrays of .npz files as they are)" in remark


def test_the_model_has_one_output_and_no_input_of_our_name(tmp_path: Path, request_for: RequestOf) -> None:
    folder = write_samples(tmp_path / "samples", count=12)
    model = write_classifier(tmp_path / "logits.onnx", ids="logits")
    with pytest.raises(Unsupported, match="an input of the model is named 'logits'"):
        prepare_onnx(request_for(folder, model), Silent())
    two = onnx.load(write_classifier(tmp_path / "two.onnx"))
    two.graph.output.append(helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["batch", WIDTH]))
    onnx.save(two, tmp_path / "two.onnx")
    with pytest.raises(Unsupported, match="the model's outputs are probabilities, mean; expected one"):
        prepare_onnx(request_for(folder, tmp_path / "two.onnx"), Silent())
    with pytest.raises(Unsupported, match="leave out what says how images are fed"):
        prepare_onnx(request_for(folder, expects=InputFormat(size=(8, 8))), Silent())


def test_an_unknown_rendering_is_refused_before_any_sample_is_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "samples").mkdir()
    asked = ["--onnx", str(write_classifier(tmp_path / "tokens.onnx")), "--data", str(tmp_path / "samples")]
    assert run(["prepare", *asked, "--rendering", "x87", "-o", str(tmp_path / "x.edgetl")]) == 2
    assert "'x87'" in capfd.readouterr().err


def test_a_recipe_takes_images_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_samples(tmp_path / "samples", count=12)
    out = ["--backbone", "timm/mobilenetv3_small_100", "--weights", "random", "-o", str(tmp_path / "x.edgetl")]
    assert run(["prepare", "--data", str(folder), *out]) == 2
    assert "a recipe's network takes images" in " ".join(capfd.readouterr().err.split())


def test_the_command_prepares_and_predicts(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = write_samples(tmp_path / "samples")
    model, out = write_classifier(tmp_path / "tokens.onnx"), tmp_path / "own.edgetl"
    asked = ["prepare", "--onnx", str(model), "--data", str(folder), "-o", str(out), "--cache", str(tmp_path / "cache")]
    assert run([*asked, "--json"]) == 0
    held_out = msgspec.json.decode(capfd.readouterr().out)["held_out"]
    assert {one["label"] for one in held_out} <= set(CLASSES)
    assert run(["predict", str(out), held_out[0]["path"]]) == 0
    assert held_out[0]["label"] in capfd.readouterr().out
