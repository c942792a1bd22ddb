from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.bench.executed import LEAST_SHARE, precision_findings, precision_of
from edgetl.layers import Layer, Layers


def layers(*found: Layer) -> Layers:
    return Layers("a stub", 5, found)


def conv(name: str, precision: str | None, time_ns: int | None) -> Layer:
    return Layer(name, "Convolution", precision, time_ns)


def test_quantized_graph_whose_convolutions_ran_in_fp32_is_found() -> None:
    stub = layers(
        conv("stem", "fp32", 3_000_000),
        conv("block1", "fp32", 5_000_000),
        conv("block2", "int8", 2_000_000),
        Layer("cast", "Convert", None, 90_000_000),
    )
    (finding,) = precision_findings(stub, "int8", "x86-vnni")
    assert (finding.code, finding.severity) == ("W-PRECISION", "degraded")
    assert finding.message == (
        "20% of the time in convolutions and matrix products ran in int8, where at least 50% is expected (80% in fp32; "
        "the largest: block1, fp32, 5 ms, stem, fp32, 3 ms); the runtime has no int8 kernel for these layers or did "
        "not fuse their Q/DQ pairs; try another runtime or another rendering"
    )
    assert finding.evidence == {
        "requested": "int8",
        "share": pytest.approx(0.2),
        "limit": 0.5,
        "share_fp32": pytest.approx(0.8),
        "share_int8": pytest.approx(0.2),
        "largest": "block1",
    }


def test_bf16_that_ran_as_fp32_is_found() -> None:
    (finding,) = precision_findings(layers(conv("stem", "fp32", 10)), "bf16", "float")
    assert "0% of the time" in finding.message
    assert "no such kernels" in finding.message


def test_a_float_head_of_a_quantized_graph_is_no_finding() -> None:
    stub = layers(conv("body", "int8", 900), Layer("head", "FullyConnected", "fp32", 100))
    assert precision_findings(stub, "int8", "x86-vnni") == ()


def test_layers_are_counted_where_no_times_are_known() -> None:
    stub = layers(*(conv(str(i), "int8" if i < 2 else "fp32", None) for i in range(5)))
    (finding,) = precision_findings(stub, "int8", "x86-vnni")
    assert finding.evidence["share"] == pytest.approx(0.4)
    assert finding.message.startswith("40% of the convolutions and matrix products ran in int8")
    assert "ms" not in finding.message.partition(";")[0]


def test_float_graph_asked_for_int8_is_told_to_be_quantized() -> None:
    (finding,) = precision_findings(layers(conv("stem", "fp32", 1)), "int8", "float")
    assert finding.message.endswith("the graph is not quantized; quantize it first")


def test_reduced_floats_that_nobody_asked_for_are_found() -> None:
    (finding,) = precision_findings(layers(conv("stem", "bf16", 1)), "fp32", "float")
    assert "100% in bf16" in finding.message


def test_plain_quantized_file_is_expected_to_run_in_int8() -> None:
    codes = Layer("codes", "QuantizeLinear", None, 1)
    (finding,) = precision_findings(layers(codes, conv("stem", "fp32", 9)), "fp32", "as given")
    assert finding.evidence["requested"] == "int8"
    assert precision_findings(layers(codes, conv("stem", "int8", 9)), "fp32", "as given") == ()


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_plain_file_may_run_in_fp32_or_int8(precision: str) -> None:
    assert precision_findings(layers(conv("stem", precision, 9)), "fp32", "as given") == ()


@pytest.mark.parametrize(
    "stub",
    [
        pytest.param(Layers("a stub", 0, (), "the runtime does not tell"), id="no layers"),
        pytest.param(layers(Layer("cast", "Cast", None, 5)), id="nothing computes"),
        pytest.param(layers(conv("stem", None, 5)), id="unknown precision"),
        pytest.param(layers(Layer("pool", "GlobalAveragePool", "fp32", 5)), id="no matrices"),
    ],
)
def test_nothing_is_said_of_what_is_unknown(stub: Layers) -> None:
    assert precision_findings(stub, "int8", "x86-vnni") == ()


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["int8", "fp32", "bf16"]), st.integers(0, 1000)), max_size=8),
    st.sampled_from(sorted(LEAST_SHARE)),
)
def test_a_finding_says_a_share_below_its_limit(found: list[tuple[str, int]], requested: str) -> None:
    stub = layers(*(conv(str(i), precision, time_ns) for i, (precision, time_ns) in enumerate(found)))
    timed = any(time_ns for _, time_ns in found)
    weights = [(precision, time_ns if timed else 1) for precision, time_ns in found]
    total = sum(weight for _, weight in weights)
    share = sum(weight for precision, weight in weights if precision == requested) / total if total else 1
    findings = precision_findings(stub, requested, "x86-vnni")
    if abs(share - LEAST_SHARE[requested]) > 1e-9:
        assert bool(findings) == (share < LEAST_SHARE[requested])
    assert all(finding.evidence["share"] == pytest.approx(share) for finding in findings)


@pytest.mark.parametrize(
    ("rendering", "share", "expected"),
    [("as given", 6, "int8"), ("as given", 4, "fp32"), ("as given", 0, "fp32"), ("float", 6, "fp32")],
)
def test_a_plain_file_is_of_int8_where_most_of_its_computing_was(rendering: str, share: int, expected: str) -> None:
    stub = layers(conv("a", "int8", share), conv("b", "fp32", 10 - share), Layer("cast", "Convert", "fp32", 1000))
    assert precision_of(stub, "fp32", rendering) == expected


def test_without_layers_a_plain_file_is_of_the_precision_asked_for() -> None:
    assert precision_of(layers(), "bf16", "as given") == "bf16"
