"""Promises of ``benchmarks/peers/evaluation.py`` and ``verdict.py``, with logits and rows that are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from peers.contenders import UNLABELLED
from peers.evaluation import FLOAT, Judged, Way, row, samples
from peers.verdict import fresh_split, fresh_splits, verdict

from edgetl.gates import Gates

GATES = Gates()
MODEL = Path(__file__)
"""Any file will do where nothing is run."""
LABELS = np.arange(1000) % 2


def judged(tool: str, wrong: int, runtime: str) -> Judged:
    """Right everywhere but on the first ``wrong`` samples."""
    decisions = np.where(np.arange(len(LABELS)) < wrong, 1 - LABELS, LABELS)
    logits: NDArray[np.float32] = np.eye(2, dtype=np.float32)[decisions]
    return Judged(Way(tool, MODEL, runtime, "int8"), logits)


def described(
    tool: str, wrong: int, p50_ms: float, ours_ms: float | None = None, runtime: str = "openvino"
) -> dict[str, Any]:
    one = row(judged(tool, wrong, runtime), judged(FLOAT, 0, runtime), LABELS, GATES)
    quotient = None if ours_ms is None else ours_ms / p50_ms
    ratio = {} if quotient is None else {"edgetl_to_this": {"value": quotient, "low": quotient, "high": quotient}}
    return {**one, "p50_ms": p50_ms, **ratio}


def test_row_counts_flips_and_the_drop_against_the_float_model() -> None:
    found = row(judged("peer", 70, "openvino"), judged(FLOAT, 20, "openvino"), LABELS, GATES)
    assert (found["accuracy"], found["flips"], found["drop"], found["n"]) == (0.93, 0.05, 0.05, 1000)
    assert found["accuracy_ci95"][0] < 0.93 < found["accuracy_ci95"][1]
    assert found["drop_ci95"][0] < 0.05 < found["drop_ci95"][1]
    assert not found["within_gate"]


def test_samples_are_batches_of_one() -> None:
    feeds = samples({"image": np.zeros((3, 2, 2, 3), np.uint8)})
    assert [feed["image"].shape for feed in feeds] == [(1, 2, 2, 3)] * 3


def test_inaccurate_peer_does_not_count_however_fast() -> None:
    rows = [
        described(FLOAT, 0, 10.0, 5.0),
        described("EdgeTL: int8", 2, 5.0, 5.0, "onnxruntime"),
        described("broken", 230, 1.0, 5.0),
        described("careful", 4, 6.0, 5.0),
    ]
    found = verdict(rows, GATES)
    assert found["fastest_accurate_peer"] == "careful in openvino (int8)"
    assert found["accurate_peer_outputs"] == "1 of 2"
    assert found["edgetl_to_it"] == pytest.approx(5 / 6)
    assert found["passed"]


def test_slower_than_an_accurate_peer_is_missed() -> None:
    ours = described("EdgeTL: int8", 0, 5.0, 5.0, "onnxruntime")
    found = verdict([described(FLOAT, 0, 10.0, 5.0), ours, described("quick", 15, 4.0, 5.0)], GATES)
    assert found["edgetl_to_it"] == 1.25
    assert not found["passed"]


def test_same_graph_in_the_same_runtime_is_as_fast_whatever_noise_says() -> None:
    ours = described("EdgeTL: fp32", 0, 4.1, 4.1)
    found = verdict([described(FLOAT, 0, 10.0, 4.1), ours, described("same", 0, 4.0, 4.1)], GATES)
    assert found["edgetl_to_it"] == 1.0
    assert found["passed"]


def test_drop_beyond_the_gate_is_missed_without_any_timing() -> None:
    reference, choice = judged(FLOAT, 0, "openvino"), judged("EdgeTL: int8", 30, "openvino")
    ours, reference_row = (row(one, reference, LABELS, GATES) for one in (choice, reference))
    found = verdict([reference_row, ours], GATES)
    assert not found["passed"]
    assert found["limit"] == "drop within 0.5 points, its 95 % bound within 2"


def test_run_without_edgetl_claims_nothing() -> None:
    found = verdict([described(FLOAT, 0, 10.0), described("peer", 0, 4.0)], GATES)
    assert found["edgetl_chose"] is None
    assert not found["passed"]


def test_other_ways_of_edgetl_are_no_peers() -> None:
    rows = [described(FLOAT, 0, 10.0), described("EdgeTL, ONNX and labels: int8", 0, 4.0)]
    assert verdict(rows, GATES)["accurate_peer_outputs"] == "0 of 0"


def test_choice_is_that_of_the_way_that_takes_the_network() -> None:
    rows = [described(FLOAT, 0, 10.0), described("EdgeTL, ONNX without labels: int8", 2, 4.0)]
    assert verdict(rows, GATES)["edgetl_chose"] is None
    assert verdict(rows, GATES, UNLABELLED)["edgetl_chose"] == "EdgeTL, ONNX without labels: int8 in openvino (int8)"
    assert fresh_split(1, rows, UNLABELLED)["drop"] == 0.002
    assert fresh_split(1, rows) == {"split_seed": 1, "failed": None}


def test_verdict_tells_the_drop_and_the_ratio_with_their_intervals() -> None:
    rows = [described(FLOAT, 0, 10.0, 5.0), described("EdgeTL: int8", 3, 5.0, 5.0), described("peer", 0, 6.0, 5.0)]
    found = verdict(rows, GATES)
    assert (found["edgetl_drop"], found["edgetl_within_gate"]) == (0.003, True)
    assert found["edgetl_drop_ci95"][0] < 0.003 < found["edgetl_drop_ci95"][1]
    assert found["edgetl_to_it_ci95"] == [found["edgetl_to_it"]] * 2


def test_other_divisions_are_counted_and_what_failed_there_is_told() -> None:
    rows = [described(FLOAT, 0, 10.0), described("EdgeTL: int8", 2, 5.0)]
    lost = [described(FLOAT, 0, 10.0), described("EdgeTL: int8", 40, 5.0)]
    failed = [described(FLOAT, 0, 10.0), {"tool": "EdgeTL", "failed": "no memory"}]
    found = fresh_splits([fresh_split(seed + 1, one) for seed, one in enumerate((rows, lost, failed))])
    assert found["other_divisions_within_gate"] == "1 of 3"
    assert [one["split_seed"] for one in found["splits"]] == [1, 2, 3]
    assert found["splits"][0]["drop"] == 0.002
    assert found["splits"][2] == {"split_seed": 3, "failed": "no memory"}
