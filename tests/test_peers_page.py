"""Promises of ``docs/peers_page.py`` and ``docs/peers_summary.py``."""

from __future__ import annotations

from typing import Any

import pytest
from peers_page import page as pages
from peers_summary import chosen_apart

BUILD = {"tool": "NNCF", "seconds": 11.2, "reused": False, "versions": {"nncf": "3.4.0"}, "notes": ["it was slow"]}
ROW = {"tool": "NNCF", "runtime": "openvino", "precision": "int8"}
RAN = {**ROW, "accuracy": 0.701, "accuracy_ci95": [0.665, 0.735], "flips": 0.231, "drop": 0.157}
RATIO = {"ratio_to_float": {"value": 0.6, "low": 0.59, "high": 0.61}}
CHOICE = {
    "edgetl_chose": "EdgeTL: int8 in openvino (int8)",
    "fastest_accurate_peer": "Olive in openvino (int8)",
    "edgetl_to_it": 0.88,
    "edgetl_to_it_ci95": [0.86, 0.9],
    "edgetl_drop": 0.003,
    "edgetl_drop_ci95": [-0.002, 0.011],
    "edgetl_within_gate": True,
}
RACE = {
    "int8_built_in_s": 50.0,
    "accuracy_control_s": 200.0,
    "accuracy_control_done": False,
    "build_time_ratio": 0.25,
}


def page(cases: list[dict[str, Any]]) -> str:
    return pages({"a machine": cases})


def measured(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Lite0", "drop_max": 0.005, "rows": list(rows), "builds": [BUILD], **more}


def test_page_marks_a_drop_beyond_the_limit() -> None:
    line = "| NNCF | openvino | int8 | 0.701 (0.665 to 0.735) | 23.1 % | **15.7** | 0.60 (0.59 to 0.61) | 11 s |"
    assert line in page([measured({**RAN, **RATIO})]).splitlines()
    assert "| 0.5 |" in page([measured({**RAN, "drop": 0.005})])


def test_page_says_what_was_not_timed_and_what_an_earlier_run_built() -> None:
    text = page([measured(RAN, builds=[{**BUILD, "reused": True}])])
    assert "| not timed | 11 s, earlier |" in text


def test_page_tells_failures_and_notes_in_words() -> None:
    text = page([measured({"tool": "Olive", "failed": "no kernel"}, {**ROW, "failed": "cannot load it"})])
    assert "- Olive failed: no kernel\n- NNCF in openvino failed: cannot load it\n" in text
    assert "- NNCF: it was slow\n" in text


def test_page_takes_only_comparisons_of_quantizers() -> None:
    assert page([{"families": {}}, {"rows": []}]).endswith("Nothing is committed yet.\n")


def test_summary_has_a_line_for_each_case() -> None:
    line = (
        "| Lite0 | EdgeTL: int8 in openvino (int8) | Olive in openvino (int8) | 0.88 (0.86 to 0.90) |   | "
        "0.3 (-0.2 to 1.1) | yes; on 4 of 5 other divisions | 50 s | < 0.25 (not done after 200 s) |"
    )
    text = page([measured(RAN, **CHOICE, **RACE, other_divisions_within_gate="4 of 5")])
    assert line in text.splitlines()


def test_other_divisions_may_be_of_a_run_without_timing() -> None:
    timed = measured({**RAN, **RATIO}, **CHOICE, case="lite0", raw_block_medians_ms={})
    apart = measured(RAN, case="lite0", other_divisions_within_gate="3 of 3")
    text = page([apart, timed])
    assert text.count("| Lite0 |") == 1
    assert "| yes; on 3 of 3 other divisions |" in text
    assert page([apart]).count("| Lite0 |") == 1


def test_summary_counts_cases_that_keep_each_promise() -> None:
    slow = {**CHOICE, "edgetl_to_it": 0.95, "edgetl_drop_ci95": [0.001, 0.02], "edgetl_within_gate": False}
    long = {**RACE, "accuracy_control_s": 100.0, "build_time_ratio": 0.5, "accuracy_control_done": True}
    text = page([measured(RAN, **CHOICE, **RACE), measured(RAN, **slow, **long), measured(RAN)])
    assert "of another tool on 2 of 3 cases, and at most 0.9 times on 1 (wanted: all, and two)." in text
    assert "within the recipe's gate on 1 of 3 cases." in text
    assert "paired by sample, on 1 of 3." in text
    assert "accuracy control on 1 of the 2 cases" in text
    assert "| 0.50 (100 s) |" in text


def test_the_fastest_of_equals_is_chosen_on_other_blocks_than_it_is_compared_on() -> None:
    """Each of two peers is lucky on half of the blocks; on the other half both are as fast as EdgeTL, or slower."""
    peers = [{**RAN, "tool": tool, "drop": 0.0} for tool in ("NNCF", "Olive")]
    worse = {**RAN, "tool": "Other", "drop": 0.1}
    blocks = {
        "EdgeTL: int8 / openvino / int8": [1.0] * 6,
        "NNCF / openvino / int8": [0.8, 1.0] * 3,
        "Olive / openvino / int8": [1.0, 0.8] * 3,
        "Other / openvino / int8": [0.1] * 6,
    }
    record = measured(*peers, worse, **CHOICE, accurate_peer_outputs="2 of 3", raw_block_medians_ms=blocks)
    assert chosen_apart(record) == pytest.approx(1.0)
    assert "With that one chosen apart, it is so on 1, and on 0." in page([record])
    blocks["EdgeTL: int8 / openvino / int8"] = [0.8] * 6
    assert chosen_apart(record) == pytest.approx(0.8)


def test_summary_says_what_is_not_known() -> None:
    line = "| Lite0 | nothing | none was timed |   |   |   | no choice | not compared |   |"
    assert line in page([measured(RAN)]).splitlines()


def test_machines_are_told_apart() -> None:
    text = pages({"an old one": [measured(RAN)], "none": [], "a new one": [measured(RAN), measured(RAN)]})
    machines = [line for line in text.splitlines() if line.startswith("## ")]
    assert machines == ["## On an old one", "## On a new one"]
    assert "on 0 of 1 cases, and" in text
    assert "on 0 of 2 cases, and" in text
