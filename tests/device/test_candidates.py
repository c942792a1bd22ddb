from __future__ import annotations

import sys

import msgspec
import pytest

from edgetl.artifact import Artifact
from edgetl.candidate import Variant
from edgetl.device.candidates import Formed, backends_of, form
from edgetl.environment import Cpu, Environment
from edgetl.errors import MissingExtra, Unsupported
from edgetl.plugins import BACKENDS, find
from edgetl.target import LOCAL, Target


def variant(name: str, rendering: str, precision: str) -> Variant:
    return Variant(name, Artifact("m.onnx", "onnx", rendering, precision, (), (), 1, 1, 1, "0" * 64))  # type: ignore[arg-type]


VARIANTS = (variant("fp32", "float", "fp32"), variant("int8", "x86-vnni", "int8"))


def formed(
    *isa: str,
    architecture: str = "x86_64",
    target: Target = LOCAL,
    allowed: int = 2,
    variants: tuple[Variant, ...] = VARIANTS,
) -> tuple[Formed, ...]:
    cpu = Cpu("Example CPU", architecture, isa, 8, allowed)
    here = Environment("Linux", "6", "3.11", "0.1.0", cpu, None, None, None, {})
    backends = {name: find(BACKENDS, name, "runtime") for name in ("onnxruntime", "openvino")}
    return form(variants, target, here, backends)


def names(candidates: tuple[Formed, ...], rejected: bool = False) -> set[str]:
    return {one.candidate.name for one in candidates if (one.rejected_because is not None) == rejected}


def test_every_variant_meets_every_runtime_and_hint() -> None:
    assert names(formed("avx512_vnni", "avx512_bf16")) == {
        "fp32/onnxruntime/fp32/2t",
        "fp32/openvino/fp32/2t",
        "fp32/openvino/bf16/2t",
        "int8/onnxruntime/int8/2t",
        "int8/openvino/int8/2t",
    }


@pytest.mark.parametrize("isa", ["avx512_vnni", "avx_vnni", "amx_int8"])
def test_any_exact_int8_instruction_admits_the_vnni_rendering(isa: str) -> None:
    assert not names(formed(isa), rejected=True)


def test_without_vnni_the_rendering_is_reported_as_rejected() -> None:
    candidates = formed("avx2")
    assert names(candidates, rejected=True) == {"int8/onnxruntime/int8/2t", "int8/openvino/int8/2t"}
    reason = next(one.rejected_because for one in candidates if one.rejected_because)
    assert "saturate" in reason
    assert "'Example CPU'" in reason


def test_arm_does_not_saturate_so_measuring_decides() -> None:
    assert not names(formed("asimd", architecture="aarch64"), rejected=True)


def proven(rendering: str, *isa: str) -> tuple[Variant, ...]:
    made = variant("int8", rendering, "int8")
    return (msgspec.structs.replace(made, artifact=msgspec.structs.replace(made.artifact, proven_isa=isa)),)


@pytest.mark.parametrize("rendering", ["x86-vnni", "x86"])
def test_a_proof_decides_whatever_the_rendering_is_called(rendering: str) -> None:
    exact_only, everywhere = proven(rendering, "amx_int8", "avx512_vnni"), proven(rendering, "avx2", "avx512_vnni")

    assert not names(formed("avx2", "avx512_vnni", variants=exact_only), rejected=True)
    assert not names(formed("avx2", variants=everywhere), rejected=True)

    candidates = formed("avx2", variants=exact_only)
    assert names(candidates, rejected=True) == {"int8/onnxruntime/int8/2t", "int8/openvino/int8/2t"}
    reason = str(candidates[0].rejected_because)
    assert reason.startswith("not proven for this CPU: products may saturate")
    assert "amx_int8, avx512_vnni" in reason


def test_a_proof_for_x86_says_nothing_about_arm() -> None:
    assert not names(formed("asimd", architecture="aarch64", variants=proven("arm", "avx512_vnni")), rejected=True)


def test_a_runtime_without_kernels_is_listed_with_the_reason() -> None:
    candidates = formed("avx512_vnni", variants=(*VARIANTS, variant("bf16", "bf16", "bf16")))

    reasons = {one.candidate.name: one.rejected_because for one in candidates if one.rejected_because}
    assert reasons.keys() == {"bf16/onnxruntime/bf16/2t", "bf16/openvino/bf16/2t"}
    assert "no bf16 kernels" in str(reasons["bf16/onnxruntime/bf16/2t"])


def test_of_two_int8_variants_the_one_for_this_cpu_is_tried() -> None:
    pair = (variant("int8-x86", "x86", "int8"), variant("int8-x86-vnni", "x86-vnni", "int8"))

    assert {name.split("/")[0] for name in names(formed("avx512_vnni", variants=pair))} == {"int8-x86-vnni"}
    assert {name.split("/")[0] for name in names(formed("avx2", variants=pair))} == {"int8-x86"}


def test_thread_counts_of_the_target_are_tried_but_not_more_than_allowed() -> None:
    threads = {
        one.candidate.threads for one in formed(target=Target("t", ("onnxruntime",), threads=(1, 4, 8)), allowed=4)
    }
    assert threads == {1, 4}


def test_a_target_without_any_installed_runtime_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtra, match=r"edgetl\[openvino\]"):
        backends_of(Target("t", ("openvino",)))
    assert list(backends_of(LOCAL)) == ["onnxruntime"]


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(Unsupported, match="unknown runtime 'tflite'"):
        backends_of(Target("t", ("tflite",)))
