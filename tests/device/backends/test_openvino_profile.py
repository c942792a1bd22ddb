from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.backends.openvino_profile import Counter, layers_from_counters
from edgetl.layers import Layer


def counter(kind: str, kernel: str, mean_us: int = 5, ran: bool = True) -> Counter:
    return Counter("node", kind, kernel, ran, mean_us)


def test_the_first_inference_does_not_count() -> None:
    first = [counter("Convolution", "brgconv_avx512_f32", 4_000)]
    last = [counter("Convolution", "brgconv_avx512_f32", 1_090)]  # (4000 + 3 * 120) / 4
    assert layers_from_counters(first, last, runs=3) == (Layer("node", "Convolution", "fp32", 120_000),)


def test_nodes_that_did_not_run_are_no_layers() -> None:
    fused = counter("Relu", "undef", 0, ran=False)
    assert layers_from_counters([fused], [fused], runs=2) == ()


def test_layers_are_called_as_in_the_onnx_file() -> None:
    (layer,) = layers_from_counters([], [Counter("conv1/WithoutBiases", "Convolution", "jit_f32", True, 3)], runs=1)
    assert layer.name == "conv1"


@pytest.mark.parametrize(
    ("kind", "kernel", "precision"),
    [
        ("Convolution", "brgconv_avx512_amx_I8", "int8"),
        ("Convolution", "brgconv_avx512_amx_bf16", "bf16"),
        ("Convolution", "jit_avx2_dw_f32", "fp32"),
        ("FullyConnected", "gemm_acl_f16", "fp16"),
        ("FullyConnected", "gemm_mlas_f32", "fp32"),
        ("Add", "ref_any_i32", "i32"),
        ("Add", "undef", None),
        ("Add", "unknown_dynamic", None),
        ("Add", "", None),
        ("Reorder", "jit_uni_f32", None),
        ("Subgraph", "jit_avx512_f32", "fp32"),
        ("Subgraph", "jit_avx512_I8", None),
    ],
)
def test_precision_is_the_end_of_the_name_of_the_kernel(kind: str, kernel: str, precision: str | None) -> None:
    (layer,) = layers_from_counters([], [counter(kind, kernel)], runs=1)
    assert layer.precision == precision


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30))
def test_the_mean_is_right_within_what_rounding_takes_away(times_us: list[int]) -> None:
    runs = len(times_us) - 1
    first, last = [counter("Add", "jit_f32", times_us[0])], [counter("Add", "jit_f32", sum(times_us) // (runs + 1))]
    (layer,) = layers_from_counters(first, last, runs)
    assert layer.time_ns == pytest.approx(sum(times_us[1:]) / runs * 1_000, abs=2_000)
