"""The executor against ONNX Runtime on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from older_cpu import computed
from onnx import numpy_helper

from edgetl.device.probe import INT8_DOT, environment
from edgetl.errors import Unsupported
from edgetl.host.graph import read_graph, write_graph
from edgetl.host.inference import Engine
from edgetl.host.inference import collect as collect_here
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.saturation.compute import Isa
from edgetl.host.quantize.saturation.executor import EmulatedRunner, collect, run
from edgetl.host.quantize.x86_vnni import RENDERING
from edgetl.tensors import Array

CPU = environment().cpu
HERE: Isa = "vnni" if INT8_DOT & set(CPU.isa) or CPU.architecture == "aarch64" else "avx2"
"""How this machine's own kernels compute."""
LAYERS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "1x1": ("Conv", (16, 6, 6), (16, 16, 1, 1), {}),
    "3x3, padded": ("Conv", (16, 6, 6), (16, 16, 3, 3), {"pads": [1, 1, 1, 1]}),
    "first layer: three channels, stride 2": (
        "Conv",
        (3, 9, 9),
        (32, 3, 3, 3),
        {"pads": [1, 1, 1, 1], "strides": [2, 2]},
    ),
    "uneven padding": ("Conv", (4, 9, 9), (16, 4, 3, 3), {"pads": [0, 1, 1, 0], "strides": [2, 2]}),
    "odd channels": ("Conv", (7, 5, 5), (5, 7, 1, 1), {}),
    "dilated": ("Conv", (4, 9, 9), (16, 4, 3, 3), {"dilations": [2, 2]}),
    "groups": ("Conv", (8, 6, 6), (8, 2, 3, 3), {"group": 4}),
    "depthwise": ("Conv", (16, 6, 6), (16, 1, 3, 3), {"group": 16, "pads": [1, 1, 1, 1]}),
    "two outputs per channel": ("Conv", (16, 6, 6), (32, 1, 3, 3), {"group": 16}),
    "one dimension": ("Conv", (8, 12), (16, 8, 3), {}),
    "product": ("MatMul", (65,), (65, 10), {}),
    "product of three dimensions": ("MatMul", (5, 40), (40, 9), {}),
    "Gemm": ("Gemm", (33,), (33, 10), {}),
}


def weights(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(1).integers(-127, 128, shape).astype(np.int8)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_what_onnxruntime_computes_here_bit_for_bit(
    name: str, layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    op_type, image, shape, attributes = LAYERS[name]
    model = layer_graph(op_type, image, weights(shape), **attributes)
    images = loud((3, *image))

    np.testing.assert_array_equal(collect(model, images, HERE)["out"], computed(model, images, "onnxruntime")["out"])


@pytest.mark.parametrize("name", LAYERS)
def test_the_host_computes_a_layer_as_with_vnni_whatever_its_own_cpu_is(
    name: str, layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    op_type, image, shape, attributes = LAYERS[name]
    model, images = layer_graph(op_type, image, weights(shape), **attributes), loud((3, *image))
    engine = Engine(model, "onnxruntime", "int8")

    np.testing.assert_array_equal(collect(model, images, "vnni")["out"], collect_here(engine, images, 1)["out"])
    assert engine.exact_sums == (HERE == "avx2" and name != "depthwise")


@pytest.mark.parametrize("name", LAYERS)
def test_only_depthwise_layers_are_the_same_without_vnni(
    name: str, layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    op_type, image, shape, attributes = LAYERS[name]
    model, images = layer_graph(op_type, image, weights(shape), **attributes), loud((3, *image))

    same = np.array_equal(collect(model, images, "vnni")["out"], collect(model, images, "avx2")["out"])

    assert same is (name == "depthwise")


def test_several_samples_at_once_are_as_one_after_the_other(
    layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    model = layer_graph("Conv", (3, 9, 9), weights((32, 3, 3, 3)), pads=[1, 1, 1, 1])
    images = loud((3, 3, 9, 9))
    runner = EmulatedRunner(model, "avx2")

    together = runner.infer({"image": images})["out"]

    np.testing.assert_array_equal(together, collect(model, images, "avx2")["out"])


def test_a_rendered_network_is_what_onnxruntime_computes_here(network: Path, images: Array, tmp_path: Path) -> None:
    model = tmp_path / "int8.onnx"
    RENDERING.render(network, calibrate(network, images), model, RenderSettings(frozenset({"head"})))

    expected = computed(model, images, "onnxruntime")

    found = collect(model, images, HERE)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=0, atol=1e-5)


def test_a_bias_in_float_is_rounded_to_the_units_of_the_sums(
    layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    path = layer_graph("Conv", (16, 6, 6), weights((16, 16, 1, 1)))
    images = loud((2, 16, 6, 6))
    expected = collect(path, images, "vnni")["out"]
    model = read_graph(path)
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "b")
    real = numpy_helper.to_array(bias) * np.float32(0.02) * np.float32(0.01)
    model.graph.initializer.append(numpy_helper.from_array(real.astype(np.float32), "b.real"))
    next(node for node in model.graph.node if node.name == "layer").input[2] = "b.real"
    write_graph(model, path)

    np.testing.assert_array_equal(collect(path, images, "vnni")["out"], expected)


def test_a_float_graph_is_run_as_it_is(network: Path, images: Array) -> None:
    expected = collect_here(Engine(network, "onnxruntime"), images[:2], 1)

    found = collect(network, images[:2], "avx2")

    np.testing.assert_allclose(found["logits"], expected["logits"], rtol=1e-5, atol=1e-5)


def test_padding_by_name_is_refused(layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]) -> None:
    model = layer_graph("Conv", (3, 9, 9), weights((8, 3, 3, 3)), auto_pad="SAME_UPPER")
    with pytest.raises(Unsupported, match="names its padding"):
        list(run(model, loud((1, 3, 9, 9)), "vnni"))


def test_an_image_that_does_not_fit_is_refused(network: Path) -> None:
    with pytest.raises(Unsupported, match="has shape"):
        list(run(network, [np.zeros((8, 8, 3), np.uint8)], "vnni"))


def test_a_tensor_of_unknown_rank_between_layers_is_refused(layer_graph: Callable[..., Path]) -> None:
    path = layer_graph("Conv", (3, 9, 9), weights((8, 3, 3, 3)))
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    onnx.save(model, path)

    with pytest.raises(Unsupported, match="shape of tensor 'image' is not known"):
        EmulatedRunner(path, "vnni")
