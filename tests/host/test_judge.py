"""Promises of :mod:`edgetl.host.judge`: what it finds of each variant, and which it refuses."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgetl.device.tasks.statistics import wilson
from edgetl.evaluation import Evaluation
from edgetl.gates import Gates
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.judge import Judged, flipped, judge, jury_for
from edgetl.host.variants import Made
from edgetl.host.workspace import Workspace
from edgetl.interval import Interval
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.tensors import Array

SIDE = 4
GREYS = range(28, 228, 2)
"""One image of each; those above 127 are light."""
Samples: TypeAlias = "tuple[Sample, ...]"
Variant: TypeAlias = "Callable[..., Made]"
GATES = Gates(accuracy_drop_max=0.02, margin=0.2)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return tuple(_sample(grey) for grey in GREYS)


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    """Makes a graph that calls an image light above a grey level, with logits of a size."""

    def make(name: str, above: float, scale: float = 0.1, out_of_fold: Array | None = None) -> Made:
        return Made(name, _write(tmp_path / f"{name}.onnx", above, scale), "float", "fp32", out_of_fold, ())

    return make


def workspace(samples: Samples, folder: Path, task: str = "classify") -> Workspace:
    splits = Splits(samples[:10], samples[10:], Sealed(()), {}, "")
    classes = () if task == "tensor" else ("dark", "light")
    return Workspace(splits, classes, ImageReader(Preprocess(SIDE, SIDE)), 0, 1, Cache(folder), Silent(), task)


def judged(made: tuple[Made, ...], samples: Samples, folder: Path, task: str = "classify") -> tuple[Judged, ...]:
    return judge(made, samples[::3], jury_for(task, GATES, workspace(samples, folder, task)))[1]


def test_decisions_of_every_variant_but_the_float_one_are_compared(
    variant: Variant, samples: Samples, tmp_path: Path
) -> None:
    made = variant("fp32", 127), variant("int8", 131), variant("same", 127, scale=0.02)
    float_, moved, same = (one.evaluation for one in judged(made, samples, tmp_path))
    assert float_.decisions is None
    assert moved.decisions is not None
    assert moved.decisions.flips is not None
    # 128 and 130 are dark now
    assert (moved.decisions.n, moved.decisions.flips.count, moved.decisions.flips.harmful) == (90, 2, 2)
    (kind,) = moved.decisions.flips.kinds
    assert (kind.reference, kind.candidate, kind.count) == ("light", "dark", 2)
    assert [recall.label for recall in moved.decisions.recalls] == ["dark", "light"]
    assert same.decisions is not None
    assert same.decisions.flips is not None
    assert same.decisions.flips.count == 0
    assert same.decisions.shifts[0].candidate < same.decisions.shifts[0].reference - 0.1


def test_decisions_are_those_that_the_gate_sees(variant: Variant, samples: Samples, tmp_path: Path) -> None:
    out_of_fold = np.tile(np.float32([1, -1]), (10, 1))
    made = variant("fp32", 127, out_of_fold=out_of_fold), variant("int8", 131, out_of_fold=-out_of_fold)
    _, candidate = (one.evaluation for one in judged(made, samples, tmp_path))
    assert candidate.selection_split == "out-of-fold + validation"
    assert candidate.decisions is not None
    assert candidate.decisions.flips is not None
    assert (candidate.decisions.n, candidate.decisions.flips.harmful) == (100, 12)
    (drop,) = [check for check in candidate.checks if check.name == "accuracy drop"]
    assert (drop.value, drop.n, drop.passed) == (0.12, 100, False)


def test_an_evaluation_survives_json_and_one_without_decisions_is_spelled_as_before(
    variant: Variant, samples: Samples, tmp_path: Path
) -> None:
    made = variant("fp32", 127), variant("int8", 131)
    for one in judged(made, samples, tmp_path):
        raw = msgspec.json.encode(one.evaluation, order="sorted")
        assert msgspec.json.decode(raw, type=Evaluation) == one.evaluation
        assert (b'"decisions"' in raw) == (one.made.name == "int8")


def test_a_variant_of_nan_is_refused_and_the_others_are_judged(
    variant: Variant, samples: Samples, tmp_path: Path
) -> None:
    made = variant("fp32", 127), variant("broken", np.nan), variant("int8", 127)
    float_, broken, sound = judged(made, samples, tmp_path)
    assert float_.passed
    assert sound.passed
    assert broken.evaluation.selection is None
    assert "finite outputs: 90 of 90 selection samples have outputs that are NaN or infinite" in broken.wrong


def test_a_float_variant_of_nan_is_all_that_is_judged(variant: Variant, samples: Samples, tmp_path: Path) -> None:
    (only,) = judged((variant("fp32", np.nan), variant("int8", 127)), samples, tmp_path)
    assert only.made.name == "fp32"
    assert "NaN or infinite" in only.wrong


def test_without_labels_what_changes_is_found_and_nothing_judged(
    variant: Variant, samples: Samples, tmp_path: Path
) -> None:
    made = variant("fp32", 127), variant("int8", 131)
    float_, candidate = (one.evaluation for one in judged(made, samples, tmp_path, "tensor"))
    assert (float_.decisions, float_.selection, candidate.selection) == (None, None, None)
    assert candidate.decisions is not None
    assert candidate.decisions.flips is not None
    assert (candidate.decisions.flips.count, candidate.decisions.flips.harmful) == (2, None)
    (output,) = candidate.decisions.outputs
    assert output.relative is not None
    assert 0 < output.relative < 0.2


@dataclass(frozen=True)
class Asked:
    """What is judged by what."""

    task: str = "classify"
    gates: Gates = GATES
    above: float = 131

    def flipped(self, variant: Variant, samples: Samples, folder: Path) -> Interval | None:
        jury = jury_for(self.task, self.gates, workspace(samples, folder, self.task))
        return flipped(variant("int8", self.above), variant("fp32", 127), jury)


@pytest.mark.parametrize("task", ["classify", "tensor"])
def test_changed_decisions_are_counted_with_their_interval(
    task: str, variant: Variant, samples: Samples, tmp_path: Path
) -> None:
    found = Asked(task).flipped(variant, samples, tmp_path)

    assert found is not None
    assert (found.value, found.n) == (2 / 90, 90)
    assert found.ci95 == wilson(2, 90)


@pytest.mark.parametrize(
    "asked", [Asked("tensor", Gates(output_error_max=0.1)), Asked(above=np.nan)], ids=["nothing is decided", "NaN"]
)
def test_where_nothing_is_decided_no_changes_are_counted(
    asked: Asked, variant: Variant, samples: Samples, tmp_path: Path
) -> None:
    assert asked.flipped(variant, samples, tmp_path) is None


def _sample(grey: int) -> Sample:
    buffer = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (grey, grey, grey)).save(buffer, "PNG")
    return Sample(buffer.getvalue(), int(grey > 127), sha256=hashlib.sha256(buffer.getvalue()).hexdigest())


def _write(path: Path, above: float, scale: float) -> Path:
    weight = np.array([[-scale, scale]], np.float32).repeat(3 * SIDE**2, axis=0) / (3 * SIDE**2)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "lightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        [
            numpy_helper.from_array(weight, "weight"),
            numpy_helper.from_array(np.float32([above * scale, -above * scale]), "bias"),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
