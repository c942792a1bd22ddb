"""One result in all detail: tables."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from edgetl.layers import Peak, Roofline
from edgetl.report.energy import energy_table, missing_sensors_table
from edgetl.report.executed import precision_table, roofline_table
from edgetl.report.load import scenario_words
from edgetl.report.measured import in_detail
from edgetl.report.page import Table
from edgetl.report.state import clocks_table, state_before_table
from edgetl.report.text import qualification
from edgetl.report.trust import findings_table, machine_findings_table
from edgetl.report.verdicts import end_to_end_table, load_table, verdicts_table
from edgetl.result import Result
from edgetl.scenario import Scenario
from edgetl.telemetry import Energy
from edgetl.validity import judged


def test_every_candidate_has_its_verdict_and_its_conditions(full: Result) -> None:
    rows = {row[0]: row for row in verdicts_table(full).rows}
    assert next(iter(rows)) == full.selected
    assert rows["int8/openvino/int8/2t"][1:3] == ("CHOSEN", "valid")
    assert rows["int8/onnxruntime/int8/2t"][1:3] == ("rejected: accuracy: it loses 2.6 points", "invalid: W-THROTTLED")
    assert rows["int8/openvino/int8/2t"][7] == "inference alone; single-stream"
    assert rows["<b>x</b>/never/timed/2t"][3:8] == ("-",) * 5


def test_benchmark_that_judged_nothing_says_only_what_is_fastest(full: Result) -> None:
    timed = tuple(replace(one, checks=(), accuracy=None, rejected_because=None) for one in full.candidates[:4])
    assert [row[1] for row in verdicts_table(replace(full, candidates=timed)).rows] == [
        "lowest p50",
        "measured",
        "invalid",
        "measured",
    ]


def test_energy_that_is_unknown_says_why(full: Result, result: Result) -> None:
    assert energy_table(full).rows[0][1:] == ("-", "-", "-", "-", "0", "no sensor tells power here")
    assert energy_table(result).rows[0][-1] == "power was not measured"
    known = Energy("rapl package-0", 3.0, 12.5, 0.04, 0.03, 120)
    one = replace(full, candidates=(replace(full.candidates[1], energy=known),))
    assert energy_table(one).rows[0][1:] == ("3 W", "12.5 W", "40 mJ", "30 mJ", "120", "rapl package-0")
    assert missing_sensors_table(full).rows == (("rapl", "energy_uj can be read by root only"),)


def test_each_finding_is_said_once_the_worst_first(full: Result) -> None:
    table = findings_table(full)
    assert table.rows == (
        ("W-THROTTLED", "invalid", "int8/onnxruntime/int8/2t", "W-THROTTLED was seen; do something about it"),
        ("W-TURBO", "note", "all", "W-TURBO was seen; do something about it"),
    )
    (verdict,) = table.remarks
    assert "int8/onnxruntime/int8/2t invalid" in verdict


def test_candidate_with_nothing_against_it_is_named(full: Result) -> None:
    clean = replace(full.candidates[1], validity=judged([]))
    rows = findings_table(replace(full, candidates=(full.candidates[0], clean))).rows
    assert rows[-1] == ("-", "valid", "int8/openvino/int8/2t", "nothing speaks against it")
    assert findings_table(replace(full, candidates=(clean,))).rows == (
        ("-", "valid", "all", "nothing speaks against it"),
    )


def test_finding_of_the_machine_is_not_repeated(full: Result) -> None:
    assert machine_findings_table(full).rows == (("W-GOVERNOR", "note", "governor schedutil changes clocks"),)
    assert full.state is not None
    everyone = replace(full.candidates[1], validity=judged(full.state.findings))
    assert machine_findings_table(replace(full, candidates=(everyone,))).rows == ()


def test_conditions_that_all_share_are_a_sentence(full: Result) -> None:
    (every,) = [
        one for one in in_detail(full, "")[0].blocks if isinstance(one, Table) and one.title == "Every candidate"
    ]
    assert "Measured" not in [column.title for column in every.columns]
    assert every.remarks[0] == "Measured: inference alone; single-stream."


def test_state_that_is_unknown_is_a_dash(full: Result, result: Result) -> None:
    assert state_before_table(full).title == state_before_table(result).title == "State before measuring"
    state = dict(state_before_table(full).rows)
    assert state["turbo"] == "on"
    assert state["power mode"] == "-"
    assert state["waiting for CPU, last 10 s"] == "1.0 %"
    assert state["waiting for disk, last 10 s"] == "-"
    assert clocks_table(full).rows == (("cpu0", "2.60 GHz", "0.80 GHz", "3.40 GHz", "schedutil", "no"),)
    assert state_before_table(result).rows == clocks_table(result).rows == ()


def test_load_and_precision_are_shown_where_they_are_known(full: Result, result: Result) -> None:
    assert load_table(full).rows[0][:2] == ("int8/openvino/int8/2t", "322.6 / s")
    assert load_table(full).rows[0][2:] == ("420 ns",), "nothing was late, dropped or waited"
    assert load_table(result).rows == ()
    assert precision_table(full).rows[0][1] == "100.0 % int8"
    assert end_to_end_table(full).rows == ()


def test_the_way_from_an_image_file_is_one_table_in_every_report(result: Result) -> None:
    latency = result.candidates[1].latency
    assert latency is not None
    timed = replace(result.candidates[1], end_to_end=replace(latency, n=700, p99_ns=None))
    table = end_to_end_table(replace(result, candidates=(result.candidates[0], timed)))
    assert [column.title for column in table.columns] == ["Candidate", "p50", "p90", "n"]
    assert table.rows == ((timed.name, "3.10 ms", "3.50 ms", "700"),)
    late = replace(timed, end_to_end=replace(latency, p99_ns=9_000_000))
    whole = replace(result, candidates=(result.candidates[0], late))
    assert end_to_end_table(whole).rows[0][3] == "9.00 ms"
    assert end_to_end_table(whole) in qualification(whole).tables


def test_roofline_that_is_unknown_says_why(full: Result, result: Result) -> None:
    known = Roofline(770_000_000, 4_000_000, Peak("int8", 2, 1e12, 1e10), 770_000, 0.25)
    unknown = Roofline(None, None, None, None, None, "a plain ONNX file, and the package onnx is not installed")
    candidates = (replace(full.candidates[1], roofline=known), replace(full.candidates[2], roofline=unknown))
    rows = roofline_table(replace(full, candidates=candidates)).rows
    assert rows[0][1:] == ("0.77 GOP", "4.00 MB", "0.770 ms", "25.0 %", "-")
    assert rows[1][1:] == ("-", "-", "-", "-", "a plain ONNX file, and the package onnx is not installed")
    assert roofline_table(result).rows == ()


def test_roofline_names_each_peak_that_was_measured_once(full: Result) -> None:
    peaks = (Peak("int8", 2, 2.003e12, 9.52e9, "openvino"), Peak("fp32", 1, 1e11, 9.52e9))
    found = [Roofline(10**9, 10**6, peak, 500_000, 0.25) for peak in (peaks[0], peaks[0], peaks[1])]
    candidates = tuple(replace(full.candidates[0], name=str(place), roofline=one) for place, one in enumerate(found))
    assert set(roofline_table(replace(full, candidates=candidates)).remarks[1:]) == {
        "Measured peak in int8 with openvino, 2 threads: 2,003 GOP/s, 9.52 GB/s of memory.",
        "Measured peak in fp32, 1 thread: 100 GOP/s, 9.52 GB/s of memory.",
    }


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (None, "scenario not stated"),
        (Scenario(), "single-stream"),
        (Scenario("multi-stream", streams=4), "multi-stream, 4 streams"),
        (
            Scenario("periodic", rate_hz=30, backlog="drop"),
            "periodic, 30 per second, late after 33.3 ms, late ones are dropped",
        ),
        (Scenario("server", rate_hz=20_000), "server, 20,000 per second, late ones queue"),
    ],
    ids=["none", "single", "multi", "periodic", "often"],
)
def test_scenario_is_told_in_words(scenario: Scenario | None, words: str) -> None:
    assert scenario_words(scenario) == words


def test_pictures_of_several_results_have_names_of_their_own(full: Result) -> None:
    def names(suffix: str) -> set[Any]:
        blocks = (block for section in in_detail(full, suffix) for block in section.blocks)
        return {block.name for block in blocks if hasattr(block, "name")}

    assert len(names(" 1")) == 6
    assert not names(" 1") & names(" 2")
