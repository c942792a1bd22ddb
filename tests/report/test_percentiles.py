"""How far percentiles are known, for people."""

from __future__ import annotations

import msgspec

from edgetl.device.bench.timing import Timed, latency
from edgetl.report.benchmark import benchmark
from edgetl.report.csv_columns import COLUMNS
from edgetl.report.percentiles import percentiles_table
from edgetl.result import Result

SAMPLES = tuple(range(1_000_000, 1_000_000 + 700 * 1_000, 1_000))


def measured(result: Result) -> Result:
    timed = latency(Timed(SAMPLES, (350, 350), 9, True), "infer")
    return msgspec.structs.replace(
        result, candidates=tuple(msgspec.structs.replace(one, latency=timed, batch=4) for one in result.candidates)
    )


def test_each_percentile_has_its_interval_and_bound(result: Result) -> None:
    table = percentiles_table(measured(result))
    assert [row[1] for row in table.rows[:4]] == ["p50", "p90", "p95", "p99"]
    assert table.rows[3][2:] == ("1.69 ms", "1.69 ms to 1.70 ms", "1.70 ms")
    assert "limits are judged by the bound" in table.remarks[0]
    assert table.title in [one.title for one in benchmark(measured(result)).tables]


def test_files_that_do_not_say_have_no_such_table(result: Result) -> None:
    assert percentiles_table(result).rows == ()
    (old,) = {COLUMNS["latency_interval_reason"].value(result, one) for one in result.candidates if one.latency}
    assert old == "measured by an older version"


def test_intervals_and_batch_are_columns(result: Result) -> None:
    found = measured(result)
    one = found.candidates[0]
    cells = {name: field.value(found, one) for name, field in COLUMNS.items()}
    assert (cells["latency_p99_ns"], cells["latency_p99_bound_ns"]) == (1_692_000, 1_699_000)
    assert cells["latency_p50_low_ns"] < cells["latency_p50_ns"] < cells["latency_p50_high_ns"]  # type: ignore[operator]
    assert cells["latency_p999_bound_ns"] is None
    assert cells["latency_interval_reason"] == "too few samples for p999"
    assert cells["batch"] == 4
