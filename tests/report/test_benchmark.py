from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from edgetl.device.bench.side_by_side import side_by_side
from edgetl.report.benchmark import benchmark
from edgetl.report.candidates import latency_table, start_table
from edgetl.report.comparison import side_by_side_table
from edgetl.report.trust import doubts_table, timing_sentence
from edgetl.report.verdicts import verdicts_table
from edgetl.result import CandidateResult, Cold, Latency, Result
from edgetl.telemetry import Energy
from edgetl.validity import Finding, Validity, judged

BLOCKS = (20,) * 10


def latency(median_ns: int) -> Latency:
    samples = tuple(median_ns + place % 7 for place in range(200))
    return Latency(
        "infer",
        200,
        median_ns,
        median_ns,
        median_ns,
        None,
        None,
        median_ns,
        median_ns + 6,
        10,
        True,
        samples,
        BLOCKS,
    )


def candidate(name: str, median_ns: int, *findings: Finding) -> CandidateResult:
    return CandidateResult(
        name=name,
        variant=name,
        rendering="as given",
        precision="fp32",
        runtime="onnxruntime",
        threads=1,
        checks=(),
        accuracy=None,
        latency=latency(median_ns),
        end_to_end=None,
        cold=None,
        size_bytes=1,
        rejected_because=None,
        validity=judged(findings),
    )


@pytest.fixture
def of(result: Result) -> Callable[..., Result]:
    def with_candidates(*candidates: CandidateResult) -> Result:
        return msgspec.structs.replace(result, candidates=candidates, selected=candidates[0].name)

    return with_candidates


def test_a_cold_start_is_told_in_parts_and_older_ones_say_what_holds_the_import(of: Callable[..., Result]) -> None:
    new, old = (Cold(90_000_000, 80_000_000, 9_000_000, 1 << 27, import_ns) for import_ns in (400_000_000, None))
    table = start_table(of(msgspec.structs.replace(candidate("it", 1), cold=new)))
    assert table.rows[0][1:5] == ("400 ms", "90.0 ms", "80.0 ms", "9.00 ms")
    assert not any("include it" in remark for remark in table.remarks)
    table = start_table(of(msgspec.structs.replace(candidate("it", 1), cold=old)))
    assert table.rows[0][1] == "-"
    assert "Where import is not told, build and load include it." in table.remarks


def test_stored_comparisons_are_shown(of: Callable[..., Result]) -> None:
    candidates = candidate("first", 1_500_000), candidate("second", 1_000_000)
    result = msgspec.structs.replace(of(*candidates), comparisons=side_by_side(candidates, "ab", 0.02, 0))
    table = side_by_side_table(result)
    (row,) = table.rows
    assert row[:3] == ("second", "first", "0.667 x")
    assert row[-1] == "faster"
    assert "a difference of up to 2 % counts as none" in table.remarks[0]
    assert table in benchmark(result).tables


def test_without_comparisons_there_is_no_table(of: Callable[..., Result]) -> None:
    assert side_by_side_table(of(candidate("fast", 1_000_000), candidate("slow", 1_500_000))).rows == ()


def test_a_doubt_about_all_stands_once_and_notes_below(of: Callable[..., Result]) -> None:
    load, note = Finding("W-LOAD", "others took 40 %"), Finding("W-TURBO", "turbo is on")
    own = Finding("W-NOISY", "p90 is far")
    table = doubts_table(of(candidate("fast", 10**6, load, note), candidate("slow", 2 * 10**6, load, own)))
    assert table.rows == (
        ("W-LOAD", "degraded", "all", "others took 40 %"),
        ("W-NOISY", "degraded", "slow", "p90 is far"),
    )
    assert "W-TURBO" in table.remarks[0]


def test_code_of_another_version_is_of_unknown_severity(of: Callable[..., Result]) -> None:
    one = candidate("fast", 10**6)
    odd = msgspec.structs.replace(one, validity=Validity("degraded", (Finding("W-NEW", "something new"),)))
    assert doubts_table(of(odd)).rows == (("W-NEW", "unknown", "all", "something new"),)
    assert verdicts_table(of(odd)).rows[0][2] == "degraded: W-NEW"


def test_note_that_strict_made_invalid_is_not_called_valid(of: Callable[..., Result]) -> None:
    one = candidate("fast", 10**6)
    strict = judged([Finding("W-TURBO", "turbo is on")], frozenset({"W-TURBO"}))
    table = doubts_table(of(msgspec.structs.replace(one, validity=strict)))
    assert table.rows[0][1] == "invalid"
    assert "W-TURBO (turbo is on: clocks depend on heat and neighbours)" in table.remarks[0]


def test_strict_code_is_told_with_what_it_found(of: Callable[..., Result]) -> None:
    found = [Finding("W-TURBO", "turbo is on"), Finding("W-LOAD", "others took 46 %"), Finding("W-MODES", "2 modes")]
    strict = frozenset({"W-TURBO", "W-LOAD"})
    one = msgspec.structs.replace(candidate("fast", 10**6), validity=judged(found, strict))
    result = msgspec.structs.replace(of(one), strict=tuple(strict))
    table = doubts_table(result)
    assert [row[:2] for row in table.rows] == [("W-TURBO", "invalid (strict)"), ("W-LOAD", "invalid (strict)")]
    assert "W-TURBO" not in table.remarks[0]
    assert verdicts_table(result).rows[0][2] == "invalid: W-TURBO, W-LOAD"
    assert timing_sentence(result) == "Timing is invalid: W-TURBO, W-LOAD."


def test_median_that_is_unknown_is_not_called_the_lowest(of: Callable[..., Result]) -> None:
    one = candidate("slow", 10**9)
    unknown = msgspec.structs.replace(one, latency=msgspec.structs.replace(latency(10**9), n=2, p50_ns=None))
    found = of(unknown)
    assert found.selected == "slow"
    assert latency_table(found).rows[0][-1] == "-"
    assert verdicts_table(found).rows[0][1] == "measured"


def test_percentile_that_is_missing_says_what_it_needs(of: Callable[..., Result]) -> None:
    assert latency_table(of(candidate("fast", 10**6))).remarks[0] == (
        "p99 needs 662 samples; a longer --effort takes more."
    )


def test_nothing_against_it_is_said(of: Callable[..., Result]) -> None:
    assert doubts_table(of(candidate("fast", 10**6))).rows == (
        ("-", "valid", "all", "nothing speaks against these numbers"),
    )


def test_scope_and_scenario_stand_above(of: Callable[..., Result]) -> None:
    assert "scope: inference alone" in benchmark(of(candidate("fast", 10**6))).summary[1]


def test_scope_and_batch_of_another_kind_are_told_everywhere(of: Callable[..., Result]) -> None:
    replace = msgspec.structs.replace
    one = candidate("fast", 10**6)
    assert one.latency is not None
    whole = replace(one, batch=8, scope="end-to-end", latency=replace(one.latency, scope="end-to-end"))
    page = benchmark(of(replace(whole, throughput_per_s=8000.0, adapter_ns=120_000.0)))
    assert "scope: image file to prediction; batch 8: latency is of a whole batch" in page.summary[1]
    titles = {table.title: table for table in page.tables}
    assert "Latency from image file to prediction, 8 at a time" in titles
    harness, adapter, items = titles["Throughput and overhead"].remarks
    assert adapter.startswith("Adapter is how much of the inference that is")
    assert titles["Throughput and overhead"].rows[0][-1] == "0.120 ms"
    assert "to hand tensors to the runtime and to copy what it answers is part of the inference" in harness
    assert "items of a batch" in items


def test_remarks_of_the_run_stand_above(of: Callable[..., Result]) -> None:
    result = msgspec.structs.replace(of(candidate("fast", 10**6)), remarks=("x has a fixed first size",))
    assert benchmark(result).summary[-1] == "Note: x has a fixed first size."


def test_energy_stands_there_where_it_is_known(of: Callable[..., Result]) -> None:
    replace = msgspec.structs.replace
    one = candidate("fast", 10**6)
    unknown = Energy(None, None, None, None, None, 0, "no sensor tells what the whole device draws")
    known = Energy("ina3221: VDD_IN", 2.0, 6.0, 0.06, 0.04, 20, None, ((0, 10),), 100)
    assert "Energy" not in {table.title for table in benchmark(of(replace(one, energy=unknown))).tables}
    page = benchmark(of(replace(one, energy=known), replace(candidate("slow", 2 * 10**6), energy=unknown)))
    (energy,) = [table for table in page.tables if table.title == "Energy"]
    assert energy.rows[0][1:6] == ("2 W", "6 W", "60 mJ", "40 mJ", "20")
    assert "no sensor" in energy.rows[1][-1]
