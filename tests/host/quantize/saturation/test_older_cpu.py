"""The emulation against the runtimes' own kernels for CPUs without VNNI: on one, or with VNNI hidden from a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import older_cpu
import pytest

from edgetl.device.probe import environment
from edgetl.host.quantize.saturation.executor import collect
from edgetl.tensors import Array

NEEDED = "avx2" in environment().cpu.isa
CANNOT = 4
"""Exit code of ``older_cpu.py`` where nothing can be hidden."""
LAYERS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]] = {
    "3x3": ("Conv", (16, 6, 6), (16, 16, 3, 3), {"pads": [1, 1, 1, 1]}),
    "first layer": ("Conv", (3, 9, 9), (32, 3, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    "signed activations": ("Conv", (16, 6, 6), (16, 16, 3, 3), {"signed": True, "zero": 0}),
    "groups": ("Conv", (8, 6, 6), (8, 2, 3, 3), {"group": 4}),
    "depthwise": ("Conv", (16, 6, 6), (16, 1, 3, 3), {"group": 16}),
    "product": ("MatMul", (65,), (65, 10), {}),
}


def really(model: Path, images: Array, runtime: str, hide: str) -> Array:
    """What the runtime computes on a CPU that it takes for an older one."""
    folder = model.parent
    np.save(folder / "images.npy", images)
    words = [sys.executable, older_cpu.__file__, model, folder / "images.npy", folder / "outputs.npz"]
    done = subprocess.run([*words, "--runtime", runtime, "--hide", hide], capture_output=True, text=True, check=False)
    if done.returncode == CANNOT:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    with np.load(folder / "outputs.npz") as outputs:
        values: Array = outputs["out"]
    return values


@pytest.mark.skipif(not NEEDED, reason="needs an x86 CPU with AVX2")
@pytest.mark.parametrize(("name", "hide"), [*((name, "avx512") for name in LAYERS), ("first layer", "vnni")])
def test_onnxruntime_saturates_as_emulated_bit_for_bit(
    name: str, hide: str, layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    op_type, image, shape, attributes = LAYERS[name]
    weight = np.random.default_rng(1).integers(-127, 128, shape).astype(np.int8)
    model, images = layer_graph(op_type, image, weight, **attributes), loud((2, *image))

    np.testing.assert_array_equal(collect(model, images, "avx2")["out"], really(model, images, "onnxruntime", hide))


@pytest.mark.skipif(not NEEDED, reason="needs an x86 CPU with AVX2")
@pytest.mark.parametrize("name", ["3x3", "first layer", "signed activations", "depthwise", "product"])
def test_openvino_saturates_as_emulated(
    name: str, layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    op_type, image, shape, attributes = LAYERS[name]
    weight = np.random.default_rng(1).integers(-127, 128, shape).astype(np.int8)
    model, images = layer_graph(op_type, image, weight, **attributes), loud((2, *image))
    step = 0.25 * np.sqrt(weight.size / (shape[1] if op_type == "MatMul" else shape[0]))

    found = really(model, images, "openvino", "avx512")

    # it rounds after adding the bias in float, so a close one may fall to the other side
    np.testing.assert_allclose(collect(model, images, "avx2", "openvino")["out"], found, rtol=0, atol=1.01 * step)
    if name != "depthwise":
        assert np.abs(collect(model, images, "vnni")["out"] - found).max() > 1.99 * step


@pytest.mark.skipif(not NEEDED, reason="needs an x86 CPU with AVX2")
def test_onnxruntime_computes_a_convolution_in_float_whose_output_is_not_quantized(
    layer_graph: Callable[..., Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    op_type, image, shape, attributes = LAYERS["3x3"]
    weight = np.random.default_rng(1).integers(-127, 128, shape).astype(np.int8)
    model, images = layer_graph(op_type, image, weight, in_float=True, **attributes), loud((2, *image))

    emulated = {kernels: collect(model, images, "avx2", kernels)["out"] for kernels in ("onnxruntime", "openvino")}

    np.testing.assert_allclose(emulated["onnxruntime"], really(model, images, "onnxruntime", "avx512"), atol=1e-3)
    np.testing.assert_allclose(emulated["openvino"], really(model, images, "openvino", "avx512"), atol=1e-3)
    assert np.abs(emulated["onnxruntime"] - emulated["openvino"]).max() > 1
