"""Promises of ``docs/peers_page.py``."""

from __future__ import annotations

from typing import Any

from peers_page import page

BUILD = {"tool": "NNCF", "seconds": 11.2, "versions": {"nncf": "3.4.0"}, "notes": ["it asked for patience"]}
ROW = {"tool": "NNCF", "runtime": "openvino", "precision": "int8"}
RAN = {**ROW, "accuracy": 0.701, "accuracy_ci95": [0.665, 0.735], "flips": 0.231, "drop": 0.157}
RATIO = {"ratio_to_float": {"value": 0.6, "low": 0.59, "high": 0.61}}


def measured(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"title": "Lite0", "drop_max": 0.005, "rows": list(rows), "builds": [BUILD]}


def test_page_marks_a_drop_beyond_the_limit() -> None:
    line = "| NNCF | openvino | int8 | 0.701 (0.665 to 0.735) | 23.1 % | **15.7** | 0.60 (0.59 to 0.61) | 11 s |"
    assert line in page([measured({**RAN, **RATIO})]).splitlines()
    assert "| 0.5 |" in page([measured({**RAN, "drop": 0.005})])


def test_page_says_that_nothing_was_timed() -> None:
    assert "| not timed |" in page([measured(RAN)])


def test_page_tells_failures_and_notes_in_words() -> None:
    text = page([measured({"tool": "Olive", "failed": "no kernel"}, {**ROW, "failed": "cannot load it"})])
    assert "- Olive failed: no kernel\n- NNCF in openvino failed: cannot load it\n" in text
    assert "- NNCF: it asked for patience\n" in text


def test_page_takes_only_comparisons_of_quantizers() -> None:
    assert page([{"families": {}}, {"rows": []}]).endswith("Nothing is committed yet.\n")
