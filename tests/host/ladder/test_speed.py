"""A graph is timed where a device like this machine would try it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgetl.device.fitness import wasted_because
from edgetl.environment import Cpu
from edgetl.host.ladder.speed import structure_sha256, untimed_because
from edgetl.plugins import RENDERINGS

VNNI = Cpu("with VNNI", "x86_64", ("avx512_vnni",), 2, 2)
AVX2 = Cpu("without VNNI", "x86_64", ("avx2",), 2, 2)
ARM = Cpu("an ARM", "aarch64", ("asimddp",), 4, 4)


def timed(cpu: Cpu, *bundled: str) -> set[str]:
    return {rendering for rendering in bundled if not untimed_because(rendering, cpu, bundled)}


@pytest.mark.parametrize(
    ("cpu", "own"),
    [(VNNI, {"openvino", "x86-vnni"}), (AVX2, {"x86"}), (ARM, {"arm"})],
    ids=lambda value: getattr(value, "model", "own"),
)
def test_of_a_whole_recipe_only_the_graphs_for_this_cpu_are_timed(cpu: Cpu, own: set[str]) -> None:
    assert timed(cpu, *RENDERINGS) == own


def test_seven_bits_are_timed_with_vnni_only_where_the_recipe_has_nothing_better() -> None:
    assert timed(VNNI, "x86") == {"x86"}
    because = untimed_because("x86", VNNI, ("x86", "x86-vnni"))
    assert because == wasted_because("x86", "onnxruntime", VNNI, ("x86", "x86-vnni"))


@pytest.mark.parametrize("rendering", ["tensorrt", "fp16", "bf16"])
def test_time_on_a_cpu_says_nothing_of_a_gpu(rendering: str) -> None:
    assert "says nothing of a GPU" in untimed_because(rendering, VNNI, (rendering,))


def test_graphs_that_differ_in_weights_alone_take_the_same_time(tmp_path: Path) -> None:
    def graph(name: str, weight: float, step: float, kind: str = "Relu") -> Path:
        constants = {"w": np.full((2, 2), weight, np.float32), "step": np.float32(step)}
        nodes = [
            helper.make_node("MatMul", ["x", "w"], ["y"]),
            helper.make_node("Mul", ["y", "step"], ["z"]),
            helper.make_node(kind, ["z"], ["out"]),
        ]
        ends = [helper.make_tensor_value_info(end, onnx.TensorProto.FLOAT, [1, 2]) for end in ("x", "out")]
        tensors = [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()]
        model = helper.make_model(helper.make_graph(nodes, "g", ends[:1], ends[1:], tensors))
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    one = structure_sha256(graph("one.onnx", 1.0, 0.5))
    assert structure_sha256(graph("two.onnx", 2.0, 0.5)) == one
    assert structure_sha256(graph("step.onnx", 1.0, 0.25)) != one
    assert structure_sha256(graph("node.onnx", 1.0, 0.5, "Sigmoid")) != one
