"""A run in which all inputs were there at the start has throughput and no latency, and nothing says otherwise."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgetl.report.benchmark import benchmark
from edgetl.report.candidates import throughput_table
from edgetl.report.document import Subject, report
from edgetl.report.html.page import to_html
from edgetl.report.load import latency_words
from edgetl.report.markdown import page_markdown, to_markdown
from edgetl.report.measured import in_detail
from edgetl.report.verdicts import load_table, verdicts_table
from edgetl.result import Result
from edgetl.scenario import Scenario


@pytest.fixture
def offline(full: Result) -> Result:
    """Three candidates of a bench run, of which one could not be loaded."""
    slow, fast, *_ = full.candidates
    timed = [
        replace(one, latency=None, accuracy=None, checks=(), rejected_because=None, throughput_per_s=rate)
        for one, rate in ((slow, 400.0), (fast, 1000.0))
    ]
    never = replace(full.candidates[4], name="x/never/timed/2t", checks=(), rejected_because="it cannot be loaded")
    return replace(full, candidates=(*timed, never), selected=fast.name, scenario=Scenario("offline", streams=2))


def test_throughput_is_what_candidates_are_ordered_and_compared_by(offline: Result) -> None:
    table = throughput_table(offline)
    assert [(row[1], row[-1]) for row in table.rows] == [
        ("1000 / s", "highest"),
        ("400 / s", "0.40 x"),
        ("-", "it cannot be loaded"),
    ]


def test_terminal_and_markdown_speak_of_throughput(offline: Result) -> None:
    page = benchmark(offline)
    assert page.title == "Throughput of solar-cells"
    assert page.tables[0].title == "Throughput"
    text = page_markdown(page)
    assert "Latency of" not in text
    assert "p50" not in text
    assert "p99" not in text


def test_every_candidate_has_its_throughput_and_conditions_instead_of_percentiles(offline: Result) -> None:
    table = verdicts_table(offline)
    assert [column.title for column in table.columns] == [
        *("Candidate", "Verdict", "Measurement", "Throughput", "Measured", "File")
    ]
    assert table.rows[0][1:5] == ("highest throughput", "valid", "1000 / s", "inference alone; offline, 2 streams")
    assert load_table(offline).rows == (), "throughput stands there already"


@pytest.mark.parametrize("kind", ["html", "md"])
def test_reports_have_no_picture_or_section_of_latency(kind: str, offline: Result) -> None:
    subject = Subject(offline.bundle.sha256, None, (offline,))
    chapters = report([subject], in_detail) if kind == "html" else report([subject])
    text = to_html(chapters) if kind == "html" else to_markdown(chapters, "r_files")
    visible = text.partition("<body>")[2].partition("<script")[0] if kind == "html" else text
    for word in ("Distribution of latency", "Latency over time", "Latency of one", "p50", "median"):
        assert word not in visible
    assert "1000 / s" in visible
    assert "there is no latency" in visible
    assert "power was not measured" in visible or "no sensor tells power here" in visible


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (None, "Latency of one inference"),
        (Scenario("multi-stream", streams=2), "Latency of 2 inferences at once, until the last one is done"),
        (Scenario("periodic", rate_hz=30), "Latency of one inference, from the moment it was due"),
    ],
    ids=["single", "multi", "periodic"],
)
def test_title_of_latency_says_what_it_is_of(full: Result, scenario: Scenario | None, words: str) -> None:
    assert latency_words(replace(full, scenario=scenario)) == words
