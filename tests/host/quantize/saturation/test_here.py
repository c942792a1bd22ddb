"""Whether this machine would cut sums, and that graphs of other machines are not judged by it then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgetl.device.probe import environment
from edgetl.environment import Cpu
from edgetl.errors import BackendError
from edgetl.host import inference
from edgetl.host.cache import Cache
from edgetl.host.inference import installed
from edgetl.host.original import original_outputs
from edgetl.host.quantize.saturation.executor import collect
from edgetl.host.quantize.saturation.here import saturates_here
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

SHAPE = (16, 16, 3, 3)


def cpu(architecture: str, *isa: str) -> Cpu:
    """This machine's, with another instruction set."""
    return msgspec.structs.replace(environment().cpu, architecture=architecture, isa=isa)


OLD = cpu("x86_64", "avx2")


@pytest.fixture
def convolution(layer_graph: Callable[..., Path]) -> Callable[[int], Path]:
    """Writes one with weights up to a largest one."""

    def write(largest: int) -> Path:
        weight = np.random.default_rng(0).integers(-largest, largest + 1, SHAPE).astype(np.int8)
        return layer_graph("Conv", (16, 6, 6), weight)

    return write


@pytest.mark.parametrize(
    ("architecture", "isa", "saturates"),
    [
        ("x86_64", ("avx2",), True),
        ("x86_64", ("avx2", "avx512bw"), True),
        ("x86_64", ("avx2", "avx512bw", "avx512_vnni"), False),
        ("x86_64", ("avx2", "avx_vnni"), False),
        ("aarch64", ("asimd",), False),
    ],
)
def test_wide_weights_saturate_on_x86_without_vnni(
    architecture: str,
    isa: tuple[str, ...],
    saturates: bool,
    convolution: Callable[[int], Path],
) -> None:
    assert saturates_here(convolution(127), cpu(architecture, *isa)) == saturates


def test_weights_of_seven_bits_and_floats_never_saturate(convolution: Callable[[int], Path], network: Path) -> None:
    assert not saturates_here(convolution(63), OLD)
    assert not saturates_here(network, OLD)


def test_a_file_that_is_written_again_is_looked_at_again(convolution: Callable[[int], Path]) -> None:
    assert [saturates_here(convolution(largest), OLD) for largest in (127, 63, 127)] == [True, False, True]


def test_openvino_refuses_to_be_exact(convolution: Callable[[int], Path]) -> None:
    options = LoadOptions(threads=1, precision="int8", exact_sums=True)
    with pytest.raises(BackendError, match="cannot be asked for exact sums"):
        find(BACKENDS, "openvino", "runtime").load(convolution(127), options)


def test_a_users_own_quantized_file_is_run_as_with_vnni(
    convolution: Callable[[int], Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    model, images = convolution(127), loud((3, 16, 6, 6))
    found = original_outputs(model, tuple(images), None, threads=1)["out"]
    np.testing.assert_array_equal(found, collect(model, images, "vnni")["out"])


@pytest.mark.parametrize("op_type", ["MatMulInteger", "QLinearConv"])
def test_a_users_own_file_of_integer_operators_is_run_as_with_vnni(
    integer_graph: Callable[[str, Array], Path], op_type: str
) -> None:
    generator = np.random.default_rng(0)
    weight = generator.integers(100, 128, (16, 64)).astype(np.int8)
    shape = (1, 64, 4, 4) if op_type == "QLinearConv" else (1, 64)
    sample = generator.integers(200, 256, shape).astype(np.uint8)
    found = original_outputs(integer_graph(op_type, weight), ({"q": sample},), None, threads=1)["out"]
    sums = np.einsum("nc...,oc->no...", sample.astype(np.int64), weight.astype(np.int64))
    expected = np.clip(np.rint(sums / 8192), 0, 255) if op_type == "QLinearConv" else sums
    np.testing.assert_array_equal(found, expected)


def test_exact_sums_are_those_of_vnni_on_every_cpu(
    convolution: Callable[[int], Path], loud: Callable[[tuple[int, ...]], Array]
) -> None:
    model, images = convolution(127), loud((3, 16, 6, 6))
    runner = find(BACKENDS, "onnxruntime", "runtime").load(model, LoadOptions(1, "int8", exact_sums=True))
    found = np.concatenate([runner.infer({"image": image[None]})["out"] for image in images])
    np.testing.assert_array_equal(found, collect(model, images, "vnni")["out"])


def test_the_runtime_that_is_exact_is_the_fastest_one_for_a_graph_of_other_machines(
    convolution: Callable[[int], Path],
    loud: Callable[[tuple[int, ...]], Array],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "openvino" in installed()
    model, now = convolution(127), environment()
    monkeypatch.setattr(inference, "environment", lambda: msgspec.structs.replace(now, cpu=OLD))
    found = inference.fastest(model, "int8", loud((16, 6, 6)), inference.Crew.alone(1), Cache(tmp_path / "cache"))
    assert (found.runtime, found.exact_sums) == ("onnxruntime", True)
    saturating = found.identity
    monkeypatch.setattr(inference, "environment", lambda: msgspec.structs.replace(now, cpu=cpu("x86_64", "avx_vnni")))
    assert found.identity != saturating, "numbers of both are kept apart"
