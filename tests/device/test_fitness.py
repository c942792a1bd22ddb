"""Which renderings are tried where, over the whole table of renderings."""

from __future__ import annotations

import pytest

from edgetl.artifact import Artifact
from edgetl.device.fitness import WASTES, unfit_because, wasted_because
from edgetl.environment import Cpu
from edgetl.plugins import BACKENDS, RENDERINGS

VNNI = Cpu("with VNNI", "x86_64", ("avx512_vnni",), 2, 2)
AVX2 = Cpu("without VNNI", "x86_64", ("avx2",), 2, 2)
ARM = Cpu("an ARM", "aarch64", ("asimddp",), 4, 4)


def artifact(rendering: str) -> Artifact:
    """Of a bundle without proofs."""
    return Artifact("model.onnx", "onnx", rendering, "int8", (), (), 0, 0, 0, "")


def tried(cpu: Cpu, *bundled: str) -> set[tuple[str, str]]:
    """Renderings and runtimes that nothing speaks against."""
    return {
        (rendering, runtime)
        for rendering in bundled
        for runtime in ("onnxruntime", "openvino")
        if unfit_because(artifact(rendering), cpu) is None and wasted_because(rendering, runtime, cpu, bundled) is None
    }


def both(rendering: str) -> set[tuple[str, str]]:
    return {(rendering, "onnxruntime"), (rendering, "openvino")}


def test_with_vnni_of_a_whole_bundle_the_graphs_for_it_are_tried_and_openvino_on_that_for_tensorrt() -> None:
    own = {*both("x86-vnni"), ("openvino", "openvino")}
    assert tried(VNNI, *RENDERINGS) == {*own, ("tensorrt", "openvino")}


@pytest.mark.parametrize(("cpu", "runtimes"), [(VNNI, {"openvino"}), (AVX2, set()), (ARM, {"openvino"})])
def test_a_graph_for_openvino_is_tried_in_no_other_runtime(cpu: Cpu, runtimes: set[str]) -> None:
    assert {runtime for _, runtime in tried(cpu, "openvino")} == runtimes
    assert "it is for OpenVINO alone" in str(wasted_because("openvino", "onnxruntime", cpu, ("openvino",)))


def test_without_vnni_only_seven_bit_weights_are_exact() -> None:
    assert tried(AVX2, *RENDERINGS) == both("x86")
    for rendering in ("x86-vnni", "arm", "openvino", "tensorrt"):
        assert "add 'x86', which is for CPUs without VNNI, to renderings" in str(
            unfit_because(artifact(rendering), AVX2)
        )


def test_on_arm_of_a_whole_bundle_the_graph_for_it_is_tried() -> None:
    assert tried(ARM, *RENDERINGS) == {*both("arm"), ("tensorrt", "openvino"), ("fp16", "onnxruntime")}


@pytest.mark.parametrize("cpu", [VNNI, ARM], ids=lambda cpu: cpu.model)
@pytest.mark.parametrize("rendering", ["x86", "x86-vnni"])
def test_a_graph_for_another_cpu_is_tried_where_the_bundle_has_no_better_one(cpu: Cpu, rendering: str) -> None:
    assert tried(cpu, rendering) == both(rendering)


def test_the_float_graph_is_always_tried() -> None:
    for cpu in (VNNI, AVX2, ARM):
        assert tried(cpu, "float", *RENDERINGS) >= both("float")


def test_reasons_name_renderings_and_runtimes_of_the_tables_and_say_what_to_do() -> None:
    for waste in WASTES:
        assert waste.renderings <= RENDERINGS.keys()
        assert waste.runtime is None or waste.runtime in BACKENDS
        assert waste.unless_without is None or waste.unless_without in RENDERINGS


def test_a_reason_says_which_rendering_it_is_about() -> None:
    reason = wasted_because("arm", "onnxruntime", VNNI, {"arm"})

    assert reason is not None
    assert reason.startswith("rendering 'arm' is not worth trying: ")
    assert "bundle 'x86-vnni'" in reason
