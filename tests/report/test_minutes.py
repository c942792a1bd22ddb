"""First against last minute of a long run, in every report."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgetl.report.benchmark import benchmark
from edgetl.report.csv_columns import COLUMNS
from edgetl.report.document import Subject, report
from edgetl.report.html.page import to_html
from edgetl.report.markdown import to_markdown
from edgetl.report.measured import in_detail
from edgetl.report.minutes import minutes_table
from edgetl.report.text import qualification
from edgetl.result import Latency, Result
from edgetl.scenario import Scenario

SECOND = 1_000_000_000


def long_run(seconds: int, slower: float) -> Latency:
    """A block of three samples each second; latency goes up in a straight line."""
    starts = tuple(place * SECOND for place in range(seconds))
    samples = tuple(round(1e6 * (1 + (slower - 1) * place / (seconds - 1))) for place in range(seconds) for _ in "abc")
    ends = min(samples), max(samples)
    return Latency("infer", len(samples), *(samples[0],) * 4, None, *ends, 9, True, samples, (3,) * seconds, starts)


@pytest.fixture
def sustained(full: Result) -> Result:
    one = replace(full.candidates[1], latency=long_run(1800, 1.2))
    return replace(full, effort="sustained", candidates=(one,))


def test_medians_of_both_minutes_and_their_ratio(sustained: Result) -> None:
    (row,) = minutes_table(sustained).rows
    assert row == ("int8/openvino/int8/2t", "1.00 ms", "1.20 ms", "1.193 x", "19.3 % slower at the end")


def test_they_stand_in_the_terminal_and_both_reports(sustained: Result) -> None:
    subject = Subject(sustained.bundle.sha256, None, (sustained,))
    markdown, html = to_markdown(report([subject]), "r_files"), to_html(report([subject], in_detail))
    assert "19.3 % slower at the end" in markdown
    assert "19.3 % slower at the end" in html
    for page in (benchmark(sustained), qualification(sustained)):
        assert "First minute against last" in [table.title for table in page.tables]


def test_table_for_programs_has_them(sustained: Result) -> None:
    (one,) = sustained.candidates
    first, last = (COLUMNS[f"{which}_minute_p50_ns"].value(sustained, one) for which in ("first", "last"))
    assert isinstance(first, (int, float))
    assert isinstance(last, (int, float))
    assert last / first == pytest.approx(1.19672 / 1.00328, rel=1e-3)


def test_faster_and_unchanged_are_told_apart(sustained: Result) -> None:
    def words(slower: float) -> str:
        one = replace(sustained.candidates[0], latency=long_run(1800, slower))
        return minutes_table(replace(sustained, candidates=(one,))).rows[0][-1]

    assert words(0.8) == "19.4 % faster at the end"
    assert words(1.0) == "no change"


def test_short_run_is_not_spoken_of_unless_it_should_have_been_long(full: Result) -> None:
    assert minutes_table(full).rows == ()
    short = replace(full, effort="sustained", candidates=(full.candidates[0], full.candidates[4]))
    assert minutes_table(short).rows == (
        ("fp32/onnxruntime/fp32/2t", "-", "-", "-", "unknown: it ran for less than two minutes"),
    )
    heap = replace(full.candidates[0], latency=None)
    offline = replace(full, effort="sustained", candidates=(heap,), scenario=Scenario("offline"))
    assert minutes_table(offline).rows[0][-1] == "unknown: only throughput was measured"
