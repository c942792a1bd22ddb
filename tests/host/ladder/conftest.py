"""A small network that loses by int8 or does not, images for it, and a machine whose time is counted."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgetl.device.probe import environment
from edgetl.gates import Gates
from edgetl.host.cache import Cache
from edgetl.host.data.dataset import Sample
from edgetl.host.data.reader import ImageReader
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.inference import Engine
from edgetl.host.judge import jury_for, settled_by
from edgetl.host.ladder import Ascent, Means
from edgetl.host.variants import Made, calibration
from edgetl.host.workspace import Workspace
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.recipe import Quantize

SIDE = 8
GREYS = range(8, 248)
"""One image of each; those above 127 are light."""
CPU = msgspec.structs.replace(environment().cpu, architecture="x86_64", isa=("avx2", "avx512_vnni"))
"""Whose time is told, whatever the tests run on."""
GATES = Gates(accuracy_drop_max=0.01, margin=0.03)


@dataclass
class Machine:
    """Every look at the clock is a second later; a graph takes half of float's time, and a tenth more per conv in
    float."""

    clock: Callable[[], float] = field(default_factory=lambda: itertools.count().__next__)
    timed: list[Path] = field(default_factory=list)
    fails_at: int | None = None

    def time_ratio(self, candidate: Engine, reference: Engine, workspace: Workspace) -> float:
        if len(self.timed) == self.fails_at:
            raise KeyboardInterrupt
        self.timed.append(candidate.model)
        model = onnx.load(candidate.model)
        dequantized = {node.output[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
        in_float = [n for n in model.graph.node if n.op_type == "Conv" and n.input[0] not in dequantized]
        return 0.5 + 0.1 * len(in_float)

    @property
    def means(self) -> Means:
        return Means(self.clock, self.time_ratio, lambda: CPU)


@pytest.fixture
def machine_of() -> Callable[..., Machine]:
    """Makes machines; ``fails_at`` is the timing that is interrupted."""
    return Machine


@pytest.fixture
def ascent(tmp_path: Path) -> Callable[..., Ascent]:
    """Makes a climb.

    ``spread`` is how much larger a channel that says nothing is than one that says everything; ``is_chained`` is
    whether channels can be scaled there, with nothing between the two layers.
    """

    def make(
        spread: float = 1.0,
        is_chained: bool = False,
        machine: Machine | None = None,
        cache: str = "cache",
        task: str = "classify",
        rendering: str = "x86-vnni",
        gates: Gates = GATES,
        mislabelled: int = 0,
        **quantize: Any,
    ) -> Ascent:
        folder = tmp_path / f"made-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        model = write_network(folder / "fp32.onnx", spread, is_chained)
        samples = tuple(_sample(grey, place < mislabelled) for place, grey in enumerate(GREYS))
        splits = Splits(samples[::4], tuple(s for i, s in enumerate(samples) if i % 4), Sealed(()), {}, "")
        classes = () if task == "tensor" else ("dark", "light")
        workspace = Workspace(
            splits, classes, ImageReader(Preprocess(SIDE, SIDE)), 0, 1, Cache(tmp_path / cache), Silent(), task
        )
        made = Made("fp32", model, "float", "fp32", None, ())
        settings = Quantize(renderings=(rendering,), calibration=32, **quantize)
        jury = settled_by(made, jury_for(task, gates, workspace))
        calibrated = calibration(made, settings, workspace)
        return Ascent(made, rendering, calibrated, None, settings, jury, (machine or Machine()).means)

    return make


def write_network(path: Path, spread: float, is_chained: bool = False) -> Path:
    """Four convolutions; between the second and the third, one channel is ``spread`` times as large as the other.

    A pooling of single pixels stands there unless they are chained, beyond which no channel is scaled.
    """
    ones = np.ones((4, 3, 1, 1)) / 3
    weights = {
        # grey, four times
        "w0": ones * np.array([1, 1.01, 0.99, 1]).reshape(4, 1, 1, 1),
        # how much lighter than grey, and a large number
        "w1": np.array([[1, 0, 0, 0], [0, spread, 0, 0]]).reshape(2, 4, 1, 1) / 128,
        "w2": np.array([[128, 0], [-128, 0], [64, 1e-3 / spread], [0, 1 / spread]]).reshape(4, 2, 1, 1),
        "w3": np.eye(4).reshape(4, 4, 1, 1) / 128,
    }
    biases = {"b0": np.zeros(4), "b1": np.array([-127.5 / 128, 0.0]), "b2": np.zeros(4), "b3": np.zeros(4)}
    head = {"head.weight": np.array([[-1, 1, -0.5, 0], [1, -1, 0.5, 0]]), "head.bias": np.zeros(2)}
    reads = {} if is_chained else {2: "x2_pooled"}
    between = [helper.make_node("MaxPool", ["x2"], ["x2_pooled"], "between", kernel_shape=[1, 1])]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["x0"], "transpose", perm=[0, 3, 1, 2]),
        *(
            helper.make_node(
                "Conv", [reads.get(place, f"x{place}"), f"w{place}", f"b{place}"], [f"x{place + 1}"], f"conv{place}"
            )
            for place in range(4)
        ),
        helper.make_node("GlobalAveragePool", ["x4"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["features"], "flatten"),
        helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["logits"], "head", transB=1),
    ]
    if not is_chained:
        nodes[4:4] = between
    graph = helper.make_graph(
        nodes,
        "lightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(a.astype(np.float32), n) for n, a in {**weights, **biases, **head}.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def _sample(grey: int, is_mislabelled: bool) -> Sample:
    buffer = io.BytesIO()
    # a little darker above than below: what is of one colour throughout is not calibrated on
    rows = np.repeat([grey - 1, grey + 1], SIDE // 2).astype(np.uint8)
    Image.fromarray(np.tile(rows[:, None, None], (1, SIDE, 3))).save(buffer, "PNG")
    return Sample(
        buffer.getvalue(), int((grey > 127) != is_mislabelled), sha256=hashlib.sha256(buffer.getvalue()).hexdigest()
    )
