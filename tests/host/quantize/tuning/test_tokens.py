"""A model of several inputs, whose samples are of several lengths, is trained like one of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from gain import signal_to_noise_db
from onnx import TensorProto, helper

from edgetl.errors import Unsupported
from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.distillation import Match
from edgetl.host.quantize.tuning.lessons import Lesson, together
from edgetl.host.quantize.tuning.masters import Masters
from edgetl.host.quantize.tuning.program import Program
from edgetl.host.quantize.tuning.student import Student
from edgetl.host.quantize.tuning.tune import tune
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

Sentences = Callable[..., tuple[dict[str, Array], ...]]
SETTINGS = TuneSettings(budget_s=600.0, steps=40, clock=lambda: 0.0)


def embeddings(model: Path, samples: tuple[dict[str, Array], ...]) -> Array:
    return np.concatenate([found["embedding"] for found in activations(read_graph(model), ("embedding",), samples, 1)])


@pytest.fixture(params=["x86-vnni", "x86"])
def graphs(
    request: pytest.FixtureRequest, tmp_path: Path, embedder: Callable[[Path], Path], sentences: Sentences
) -> tuple[Path, Path]:
    """The float one and its rendering."""
    model, out = embedder(tmp_path / "float.onnx"), tmp_path / "quantized.onnx"
    rendering = find(RENDERINGS, request.param, "rendering")
    rendering.render(model, calibrate(model, sentences(48)), out, RenderSettings())
    return model, out


def test_the_program_computes_what_onnx_runtime_does(graphs: tuple[Path, Path], sentences: Sentences) -> None:
    samples = sentences(8, seed=1)
    for model, close_db in zip(graphs, (100, 30), strict=True):
        program = Program(read_graph(model), ["embedding"])
        got = [program({name: torch.from_numpy(array) for name, array in one.items()}) for one in samples]
        ratio = signal_to_noise_db(embeddings(model, samples), torch.cat([one["embedding"] for one in got]).numpy())
        assert ratio is None or ratio > close_db


def test_less_is_lost_on_sentences_that_were_never_seen(
    graphs: tuple[Path, Path], tmp_path: Path, sentences: Sentences
) -> None:
    out, strangers = tmp_path / "tuned.onnx", sentences(40, seed=2)

    tuned = tune(*graphs, sentences(64), out, SETTINGS)

    assert (tuned.trained_on, tuned.held_out) == (56, 8)
    assert tuned.loss_after < 0.9 * tuned.loss_before
    wanted = embeddings(graphs[0], strangers)
    before, after = (signal_to_noise_db(wanted, embeddings(path, strangers)) for path in (graphs[1], out))
    assert before is not None
    assert after is not None
    assert after > before


def test_samples_of_one_shape_are_computed_together() -> None:
    lengths = (3, 5, 3, 3, 5)
    lessons = [
        Lesson({"ids": torch.full((1, length), place)}, {"y": torch.full((1, 2), place)})
        for place, length in enumerate(lengths)
    ]

    batches = list(together(lessons, 2))

    assert [tuple(one.feeds["ids"].shape) for one in batches] == [(2, 3), (1, 3), (2, 5)]
    assert [one.wanted["y"][:, 0].tolist() for one in batches] == [[0, 2], [3], [1, 4]]


def test_the_loss_of_several_shapes_is_that_of_all_numbers() -> None:
    """Of what is as long as its sample, too."""
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["y"], "neg")],
        "neg",
        [info("x", TensorProto.FLOAT, ["batch", "length"])],
        [info("y", TensorProto.FLOAT, ["batch", "length"])],
    )
    student = Student.of(helper.make_model(graph), Masters((), ()), (Match("y", "y"),), 8)
    feeds = [torch.ones(1, 2), 2 * torch.ones(1, 3)]
    lessons = [Lesson({"x": feed}, {"y": -feed - 1}) for feed in feeds]

    assert student.examine(lessons) == pytest.approx(5 / (2 * 4 + 3 * 9))


def test_what_does_not_have_the_sample_first_is_not_compared() -> None:
    graph = helper.make_graph(
        [helper.make_node("Transpose", ["x"], ["y"], "turn", perm=[1, 0])],
        "turn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, "batch"])],
    )
    student = Student.of(helper.make_model(graph), Masters((), ()), (Match("y", "y"),), 8)
    lessons = [Lesson({"x": torch.ones(1, 3)}, {"y": torch.ones(3, 1)})] * 2

    with pytest.raises(Unsupported, match="'y' does not have the sample as its first dimension"):
        student.examine(lessons)
