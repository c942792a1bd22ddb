"""Equalisation changes how channels are divided among 8 bits, and not what the network computes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hard_network import Hardness, hard_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgetl.errors import DataError
from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.activations import activations
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.treatments import treat
from edgetl.host.quantize.treatments.chains import chains
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

NAMES = ("equalise",)
HEAD = frozenset({"head"})


def run(path: Path, images: Iterable[Array]) -> Array:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(path, LoadOptions(threads=1, batch=None))
    outputs: Array = next(iter(runner.infer({"image": np.stack(tuple(images))}).values()))
    return outputs


def chain_of(rng: np.random.Generator, activation: str, groups: tuple[int, int], spread: float) -> onnx.ModelProto:
    """Two convolutions in groups with an activation between; the first one's channels differ by up to ``spread``."""
    factors = spread ** rng.uniform(-0.5, 0.5, (8, 1, 1, 1))
    slopes = rng.uniform(0.1, 0.5, (8, 1, 1))
    values = {
        "w1": rng.normal(size=(8, 4 // groups[0], 3, 3)) * factors / 200,
        "b1": rng.normal(size=8) * factors.reshape(8),
        "w2": rng.normal(size=(8, 8 // groups[1], 3, 3)),
        "zero": np.array(0),
        "six": np.array(6),
        "slopes": slopes,
    }
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()]
    rest = {"Clip": ["zero", "six"], "PRelu": ["slopes"]}.get(activation, [])
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["nchw"], "transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["nchw", "w1", "b1"], ["x"], "first", group=groups[0], pads=[1] * 4),
        helper.make_node(activation, ["x", *rest], ["y"], "activation"),
        helper.make_node("Conv", ["y", "w2"], ["z"], "second", group=groups[1], pads=[1] * 4),
    ]
    image = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 6, 6, 4])
    out = helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, ["N", 8, 6, 6])
    made = helper.make_graph(nodes, "chain", [image], [out], constants)
    return helper.make_model(made, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**16),
    activation=st.sampled_from(["Relu", "LeakyRelu", "PRelu", "Clip"]),
    groups=st.tuples(st.sampled_from([1, 2, 4]), st.sampled_from([1, 2, 8])),
    spread=st.sampled_from([1.0, 30.0, 1e4]),
)
def test_random_networks_compute_the_same(
    seed: int, activation: str, groups: tuple[int, int], spread: float, tmp_path: Path
) -> None:
    """On other images than it was equalised on, and brighter ones: clipping is the same, too."""
    rng = np.random.default_rng(seed)
    onnx.save(chain_of(rng, activation, groups, spread), tmp_path / "float.onnx")
    images = rng.integers(0, 256, (8, 6, 6, 4), np.uint8)

    treat(tmp_path / "float.onnx", NAMES, images[:2] // 2, tmp_path / "equal.onnx")

    wanted = run(tmp_path / "float.onnx", images)
    assert np.abs(run(tmp_path / "equal.onnx", images) - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_a_hard_network_computes_the_same(
    hard: Path, calibration: tuple[Array, ...], held_back: tuple[Array, ...], tmp_path: Path
) -> None:
    treat(hard, NAMES, calibration, tmp_path / "equal.onnx")

    wanted = run(hard, held_back)
    assert np.abs(run(tmp_path / "equal.onnx", held_back) - wanted).max() < 1e-4 * np.abs(wanted).max()


def test_channels_that_a_depthwise_layer_reads_use_the_whole_range(
    hard: Path, calibration: tuple[Array, ...], tmp_path: Path
) -> None:
    treat(hard, NAMES, calibration, tmp_path / "equal.onnx")

    for path, most, least in ((hard, 0.02, 0.0), (tmp_path / "equal.onnx", 1.01, 0.9)):
        model = graph.read_graph(path)
        read = next(node.input[0] for node in model.graph.node if any(one.name == "group" for one in node.attribute))
        peaks = np.max([out[read].max((0, 2, 3)) for out in activations(model, (read,), calibration, 1)], axis=0)
        assert least <= np.median(peaks) / peaks.max() < most


@pytest.mark.parametrize("rendering", ["x86-vnni", "tensorrt"])
def test_renderings_leave_bounds_out_that_no_quantized_tensor_reaches(
    rendering: str, hard: Path, calibration: tuple[Array, ...], tmp_path: Path
) -> None:
    treat(hard, NAMES, calibration, tmp_path / "equal.onnx")
    record = calibrate(tmp_path / "equal.onnx", calibration)

    for estimator in ("minmax", "percentile"):
        find(RENDERINGS, rendering, "rendering").render(
            tmp_path / "equal.onnx", record, tmp_path / "int8.onnx", RenderSettings(HEAD, estimator)
        )
        assert not any(node.op_type == "Min" for node in graph.read_graph(tmp_path / "int8.onnx").graph.node)


def test_a_layer_that_stays_in_float_keeps_the_bounds_of_what_it_reads(
    calibration: tuple[Array, ...], tmp_path: Path
) -> None:
    onnx.save(hard_network(Hardness(is_clipped=True, blocks=2)), tmp_path / "hard.onnx")
    treat(tmp_path / "hard.onnx", NAMES, calibration, tmp_path / "equal.onnx")
    record = calibrate(tmp_path / "equal.onnx", calibration)
    model = graph.read_graph(tmp_path / "equal.onnx")
    relu = [node for node in model.graph.node if any(name.endswith("_bounded") for name in node.input)][-1]
    reader = next(node for node in model.graph.node if relu.output[0] in node.input)

    find(RENDERINGS, "x86-vnni", "rendering").render(
        tmp_path / "equal.onnx", record, tmp_path / "int8.onnx", RenderSettings(HEAD | {reader.name})
    )

    assert sum(node.op_type == "Min" for node in graph.read_graph(tmp_path / "int8.onnx").graph.node) == 1


def test_a_tensor_with_two_readers_is_left_alone(tmp_path: Path) -> None:
    model = chain_of(np.random.default_rng(0), "Relu", (1, 1), 30.0)
    assert len(chains(model)) == 1

    model.graph.node.append(helper.make_node("ReduceMean", ["y"], ["mean"], "mean", keepdims=0))

    assert not chains(model)


@pytest.mark.parametrize("limits", [(-1.0, 6.0), (0.0, -1.0)])
def test_a_clip_that_no_factor_passes_is_left_alone(limits: tuple[float, float]) -> None:
    model = chain_of(np.random.default_rng(0), "Clip", (1, 1), 30.0)
    for name, value in zip(("zero", "six"), limits, strict=True):
        tensor = next(one for one in model.graph.initializer if one.name == name)
        tensor.CopyFrom(numpy_helper.from_array(np.array(value, np.float32), name))

    assert not chains(model)


def test_no_images_are_refused(hard: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'equalise' got no samples"):
        treat(hard, NAMES, (), tmp_path / "equal.onnx")
