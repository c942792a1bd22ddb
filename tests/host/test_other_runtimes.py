"""Promises of :mod:`edgetl.host.other_runtimes`: each runtime is judged by the same gates, and answers for itself."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.check import failures
from edgetl.errors import BackendError
from edgetl.gates import Gates
from edgetl.host.adapt import FittedHead, Folds, Head
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.graph import HEAD
from edgetl.host.inference import Engine, collect, installed
from edgetl.host.inference import run as computed_by
from edgetl.host.judge import Judged, Jury, judge, jury_for
from edgetl.host.other_runtimes import with_other_runtimes
from edgetl.host.predictions import predictions
from edgetl.host.prepare import prepare
from edgetl.host.variants import Made
from edgetl.host.workspace import Workspace
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.tensors import Array, Feed

SIDE = 4
OWN = "onnxruntime"
GATES = Gates(accuracy_drop_max=0.02, margin=0.2)
Change: TypeAlias = "Callable[[dict[str, Array]], dict[str, Array]]"


class Recorder(Silent):
    """Remembers remarks."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def other() -> str:
    """A runtime beside the one that the host's numbers come from."""
    found = [name for name in installed() if name != OWN]
    if OWN not in installed() or not found:
        pytest.skip("onnxruntime and openvino are not both installed")
    return found[0]


@dataclass
class Host:
    """A variant of one file, judged with a few grey images."""

    float_: Made
    int8: Made
    recorder: Recorder
    cache: Path
    gates: Gates = GATES

    def jury(self, task: str = "classify") -> Jury:
        samples = tuple(_sample(grey) for grey in range(28, 228, 2))
        splits = Splits(samples[:10], samples[10:], Sealed(()), {}, "")
        classes = () if task == "tensor" else ("dark", "light")
        reader = ImageReader(Preprocess(SIDE, SIDE))
        workspace = Workspace(splits, classes, reader, 0, 1, Cache(self.cache), self.recorder, task)
        return jury_for(task, self.gates, workspace)

    def judged(self, task: str = "classify") -> Judged:
        jury = self.jury(task)
        jury, (_, int8) = judge((self.float_, self.int8), jury.workspace.splits.validation[::3], jury)
        return with_other_runtimes(int8, self.float_, jury)


@pytest.fixture
def host(tiny_bundle: Path, tmp_path: Path) -> Host:
    model = Bundle.open(tiny_bundle).model("fp32", tmp_path / "models")
    float_ = Made("fp32", model, "float", "fp32", None, (), OWN)
    return Host(float_, Made("int8-x86", model, "x86", "int8", None, (), OWN), Recorder(), tmp_path / "cache")


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Change], None]:
    """Makes a runtime compute something else in int8."""

    def change(runtime: str, how: Change) -> None:
        def changed(engine: Engine, *rest: Any) -> dict[str, Array]:
            outputs = predictions(engine, *rest)
            return how(outputs) if (engine.runtime, engine.precision) == (runtime, "int8") else outputs

        monkeypatch.setattr("edgetl.host.judge.predictions", changed)

    return change


def test_a_variant_is_judged_in_every_other_runtime_by_the_same_gates(host: Host, other: str) -> None:
    evaluation = host.judged().evaluation
    assert {one.runtime for one in evaluation.other_runtimes} == set(installed()) - {OWN}
    found = evaluation.other_runtimes[0]
    assert evaluation.selection is not None
    assert found.selection == evaluation.selection.headline
    assert found.selection_split == evaluation.selection_split == "validation"
    (own,) = evaluation.checks
    assert found.checks == (msgspec.structs.replace(own, name=f"accuracy drop ({found.runtime})"),)


def test_the_float_variant_is_judged_once(host: Host, other: str) -> None:
    jury, (float_, _) = judge((host.float_, host.int8), (), host.jury("tensor"))
    assert with_other_runtimes(float_, host.float_, jury) is float_


def test_a_runtime_that_loses_too_much_fails_alone(
    host: Host, other: str, changing: Callable[[str, Change], None]
) -> None:
    changing(other, lambda outputs: {name: -array for name, array in outputs.items()})
    judged = host.judged()
    assert judged.passed
    (found,) = (one for one in judged.evaluation.other_runtimes if one.runtime == other)
    assert found.selection is not None
    assert found.selection.value == 0
    assert f"accuracy drop ({other}): drop 100.00 points" in failures(found.checks)
    assert any(f"int8-x86 is not for {other}: accuracy drop" in note for note in host.recorder.notes)


def test_a_runtime_of_nan_fails_alone(host: Host, other: str, changing: Callable[[str, Change], None]) -> None:
    changing(other, lambda outputs: {name: array * np.nan for name, array in outputs.items()})
    judged = host.judged()
    assert judged.passed
    (found,) = (one for one in judged.evaluation.other_runtimes if one.runtime == other)
    assert found.selection is None
    assert f"finite outputs ({other}): 90 of 90" in failures(found.checks)


def _refuse(outputs: dict[str, Array]) -> dict[str, Array]:
    raise BackendError("no kernels")


@pytest.mark.parametrize(
    "how", [_refuse, lambda outputs: {**outputs, "more": outputs["logits"]}], ids=["refuses", "other-outputs"]
)
def test_a_runtime_that_does_not_run_the_graph_says_nothing(
    host: Host, other: str, changing: Callable[[str, Change], None], how: Change
) -> None:
    changing(other, how)
    judged = host.judged()
    assert judged.passed
    assert other not in {one.runtime for one in judged.evaluation.other_runtimes}


def test_without_labels_likeness_is_judged(host: Host, other: str, changing: Callable[[str, Change], None]) -> None:
    changing(other, lambda outputs: {name: array * 2 for name, array in outputs.items()})
    judged = replace(host, gates=Gates(output_error_max=0.1)).judged("tensor")
    assert judged.passed
    (found,) = (one for one in judged.evaluation.other_runtimes if one.runtime == other)
    assert (found.selection, found.selection_split) == (None, "none")
    (check,) = found.checks
    assert check.name == f"output error ({other})"
    assert not check.passed


def head_of(graph: onnx.GraphProto) -> Head:
    """What the last product of a graph holds, ``x @ weight + bias``, which is made its head."""
    gemm = graph.node[-1]
    gemm.name = HEAD
    weight, bias = (
        next(numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name == name)
        for name in gemm.input[1:]
    )
    return Head(weight.T, bias)


def fitted_to(truth: NDArray[np.int64], head: Head) -> FittedHead:
    """A head whose folds are right of samples which they saw, and wrong of all others."""
    blind = np.zeros_like(head.weight)
    folds = Folds((Head(blind, np.float32([0, 1])), Head(blind, np.float32([1, 0]))), truth)
    return FittedHead(head, 1.0, np.eye(2, dtype=np.float32)[truth], {}, {}, True, folds)


def test_honest_predictions_on_training_samples_are_those_of_that_runtime(
    host: Host, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noted(engine: Engine, samples: Iterable[Feed], threads: int) -> Iterator[dict[str, Array]]:
        asked.append(engine.runtime)
        return computed_by(engine, samples, threads)

    monkeypatch.setattr("edgetl.host.features.run", noted)
    model = onnx.load(host.int8.model)
    head = head_of(model.graph)
    onnx.save(model, tmp_path / "int8.onnx")
    workspace = host.jury().workspace
    fitted = fitted_to(workspace.truth(workspace.splits.train), head)
    right = fitted.out_of_fold
    int8 = replace(host.int8, model=tmp_path / "int8.onnx", out_of_fold=right, fitted=fitted, is_refitted=True)
    judged = replace(host, float_=replace(host.float_, out_of_fold=right), int8=int8).judged()
    assert judged.passed
    assert set(asked) == set(installed()) - {OWN}
    (found,) = (one for one in judged.evaluation.other_runtimes if one.runtime == other)
    assert found.selection_split == "out-of-fold + validation"
    (drop,) = found.checks
    assert (drop.value, drop.n, drop.passed) == (0.1, 100, False)


QUANTIZE = {"renderings": ["x86"], "calibration": 32, "budget_s": 0}


def test_golden_outputs_are_recorded_in_every_runtime(request_of: Any, other: str, tmp_path: Path) -> None:
    request = request_of(quantize=QUANTIZE)
    prepare(request, Silent())
    bundle = Bundle.open(request.out)
    float_, int8 = bundle.manifest.evaluations
    others = {one.runtime for one in int8.other_runtimes}
    assert others == set(installed()) - {int8.runtime}
    assert float_.other_runtimes == ()
    assert int8.selection is not None
    for found in int8.other_runtimes:
        assert found.selection is not None
        assert (found.selection.n, found.selection_split) == (int8.selection.headline.n, int8.selection_split)
    golden = bundle.golden()
    assert {name: set(found) for name, found in golden.other_runtimes.items()} == {"int8-x86": others}
    for runtime in others:
        engine = Engine(bundle.model("int8-x86", tmp_path / "models"), runtime, "int8")
        computed = collect(engine, golden.inputs["image"], 1)["logits"]
        np.testing.assert_allclose(golden.reference("int8-x86", runtime)["logits"], computed, atol=1e-4)


def test_large_golden_outputs_are_recorded_in_one_runtime_only(
    request_of: Any, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.host.contents.OTHER_RUNTIMES_BYTES", 0)
    request, recorder = request_of(quantize=QUANTIZE, version=2), Recorder()
    prepare(request, recorder)
    manifest = Bundle.open(request.out).manifest
    assert manifest.evaluations[1].other_runtimes
    assert manifest.golden.other_runtimes == {}
    assert any("golden outputs of int8-x86 are large" in note for note in recorder.notes)


def _sample(grey: int) -> Sample:
    buffer = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (grey, grey, grey)).save(buffer, "PNG")
    return Sample(buffer.getvalue(), int(grey > 127), sha256=hashlib.sha256(buffer.getvalue()).hexdigest())
