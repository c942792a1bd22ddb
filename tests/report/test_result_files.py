"""Files that a bench run is written as."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from edgetl.device.bench.side_by_side import side_by_side
from edgetl.errors import InputError
from edgetl.report.csv_columns import COLUMNS
from edgetl.report.csv_rows import csv_bytes
from edgetl.report.result_files import RESULT_FORMATS, write_result
from edgetl.result import Result, read_result
from edgetl.scenario import Scenario
from edgetl.telemetry import Energy


def rows(result: Result) -> dict[str, dict[str, str]]:
    found = list(csv.DictReader(io.StringIO(csv_bytes(result).decode(), newline="")))
    return {row["candidate"]: row for row in found}


def test_csv_has_a_row_for_each_candidate_in_full_precision(full: Result) -> None:
    known = replace(full.candidates[1], energy=Energy("rapl", 1 / 3, 12.5, 0.04, 0.03, 120), throughput_per_s=1e9 / 3e6)
    found = rows(replace(full, candidates=(full.candidates[0], known)))
    assert list(found) == ["int8/openvino/int8/2t", "fp32/onnxruntime/fp32/2t"], "the fastest first"
    row = found["int8/openvino/int8/2t"]
    assert known.latency is not None
    assert int(row["latency_p50_ns"]) == known.latency.p50_ns
    assert float(row["idle_w"]) == 1 / 3
    assert row["energy_source"] == "rapl"
    assert found["fp32/onnxruntime/fp32/2t"]["energy_source"] == ""
    assert float(row["throughput_items_per_s"]) == 1e9 / 3e6
    assert (row["selected"], row["scenario"], row["scope"], row["verdict"]) == (
        "true",
        "single-stream",
        "infer",
        "valid",
    )
    assert row["codes"] == "W-TURBO"
    assert row["machine_fingerprint"] == full.environment.fingerprint
    assert row["runtime_version"] == "", "openvino is not among the environment's runtimes"
    assert found["fp32/onnxruntime/fp32/2t"]["runtime_version"] == "1.31"


def test_csv_has_the_stored_comparison_at_its_end(full: Result) -> None:
    timed = [one for one in full.candidates if one.latency is not None][:2]
    (pair,) = side_by_side(timed, "ab", 0.02, 0)
    found = rows(replace(full, comparisons=(pair,)))
    row = found[pair.second]
    assert list(row)[-10:-3] == [
        *("compared_with", "ratio", "ratio_low", "ratio_high", "ratio_p", "ratio_verdict", "ratio_reason")
    ]
    assert (row["compared_with"], row["ratio_verdict"], row["ratio_reason"]) == (pair.first, pair.verdict, "")
    judged = pair.comparison
    numbers = [float(row[name]) for name in ("ratio", "ratio_low", "ratio_high", "ratio_p")]
    assert numbers == [judged.ratio, judged.low, judged.high, pair.p_holm]
    assert found[pair.first]["ratio_reason"] == "others are compared with it"
    assert rows(full)[pair.second]["ratio_reason"] == "nothing was compared"


def test_csv_says_why_a_value_is_empty(full: Result) -> None:
    row = rows(full)["int8/openvino/int8/2t"]
    assert (row["latency_p999_ns"], row["latency_reason"]) == ("", "too few samples for p999")
    assert (row["energy_per_item_j"], row["energy_reason"]) == ("", "no sensor tells power here")
    assert (row["first_minute_p50_ns"], row["minutes_reason"]) == ("", "it ran for less than two minutes")
    never = rows(full)["<b>x</b>/never/timed/2t"]
    assert never["latency_reason"] == never["rejected_because"] == "parity: 3.2 is above the limit of 1"
    offline = replace(full.candidates[1], latency=None)
    run = replace(full, candidates=(offline,), scenario=Scenario("offline", streams=2))
    (row,) = rows(run).values()
    assert (row["latency_p50_ns"], row["latency_reason"]) == ("", "only throughput was measured")
    assert (row["scope"], row["streams"]) == ("infer", "2")


def test_csv_has_no_backlog_where_nothing_is_due(full: Result) -> None:
    row = rows(full)["int8/openvino/int8/2t"]
    assert (row["backlog"], row["rate_hz"], row["deadline_ns"]) == ("", "", "")
    assert row["load_reason"] == (
        "no rate_hz and backlog: nothing is due at a time of its own in single-stream; no deadline_ns: none was given"
    )
    camera = replace(full, scenario=Scenario("periodic", 30.0, backlog="drop"))
    row = rows(camera)["int8/openvino/int8/2t"]
    assert (row["backlog"], row["load_reason"]) == ("drop", "")
    requests = replace(full, scenario=Scenario("server", 30.0))
    row = rows(requests)["int8/openvino/int8/2t"]
    assert (row["backlog"], row["load_reason"]) == ("queue", "no deadline_ns: none was given")


def test_csv_tells_strict_codes_and_not_where_a_file_does_not(full: Result) -> None:
    assert [row["strict"] for row in rows(full).values()] == [""] * len(full.candidates)
    named = rows(replace(full, strict=("W-LOAD", "W-TURBO")))
    assert {row["strict"] for row in named.values()} == {"W-LOAD W-TURBO"}


def test_csv_is_rfc_4180(full: Result) -> None:
    nasty = replace(full.candidates[0], name='a,"b"\r\nc', throughput_per_s=float("nan"))
    written = csv_bytes(replace(full, candidates=(nasty,), selected=nasty.name))
    head, rest = written.split(b"\r\n", 1)
    assert head.decode() == ",".join(COLUMNS)
    assert b'"a,""b""\r\nc"' in rest
    assert written.endswith(b"\r\n")
    assert rows(replace(full, candidates=(nasty,), selected=nasty.name))['a,"b"\r\nc']["throughput_items_per_s"] == ""


def test_columns_that_programs_know_keep_their_places() -> None:
    assert list(COLUMNS)[:4] == ["model", "model_sha256", "candidate", "variant"]
    assert list(COLUMNS).index("latency_p50_ns") == 22, "new columns stand at the end"
    units = ("_ns", "_s", "_w", "_j", "_hz", "_bytes", "_n", "_utc", "_reason", "_sha256", "_version", "_source")
    plain = {name for name in COLUMNS if not name.endswith(units)}
    assert not {name for name in plain if name.startswith(("latency", "cold", "energy", "service"))}


@pytest.mark.parametrize("ending", RESULT_FORMATS)
def test_name_says_the_format_and_without_an_ending_it_is_json(ending: str, full: Result, tmp_path: Path) -> None:
    write_result(tmp_path / f"r{ending.upper()}", full)
    write_result(tmp_path / "plain", full)
    assert (tmp_path / f"r{ending.upper()}").read_bytes() == b"".join(RESULT_FORMATS[ending](full))
    assert read_result(tmp_path / "plain") == full


def test_other_endings_are_refused_with_those_that_there_are(full: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'r\.txt' ends in '\.txt'.*\.json, \.csv, \.md"):
        write_result(tmp_path / "r.txt", full)
    assert list(tmp_path.iterdir()) == []


def test_markdown_has_the_tables_of_the_terminal(full: Result) -> None:
    text = b"".join(RESULT_FORMATS[".md"](full)).decode()
    assert text.startswith("# Latency of solar-cells\n\nMeasured on Example CPU, effort standard.\n")
    assert "## Latency of one inference\n\n| Candidate | p50 |" in text
    assert "| \\<b>x\\</b>/never/timed/2t |" in text
    assert "\n\n\n" not in text


def test_names_that_are_not_utf_8_do_not_stop_a_table(full: Result) -> None:
    odd = replace(full, bundle=msgspec.structs.replace(full.bundle, name="caf\udce9.onnx"))
    assert b"caf\\udce9.onnx" in csv_bytes(odd)
    assert b"udce9" in b"".join(RESULT_FORMATS[".md"](odd))
