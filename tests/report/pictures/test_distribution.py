"""Histograms of latency."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from edgetl.report.pictures.distribution import CANDIDATES_MAX, distribution_picture
from edgetl.result import Result


def test_only_supported_percentiles_are_marked(full: Result, result: Result, read: Any) -> None:
    assert {"p50", "p90", "p99"} <= set(read(distribution_picture(full)).texts)
    few = set(read(distribution_picture(result)).texts)
    assert "p50" in few
    assert "p99" not in few
    chart = distribution_picture(result)
    assert chart is not None
    assert dict(chart.marks[0].rows)["p99"] == "too few samples"


def test_one_sample_among_many_is_seen(full: Result, read: Any) -> None:
    chosen = full.candidates[1]
    assert chosen.latency is not None
    samples = (*(3_000_000,) * 5_000, 300_000_000)
    latency = replace(chosen.latency, samples_ns=samples, n=len(samples))
    picture = distribution_picture(replace(full, candidates=(replace(chosen, latency=latency),)))
    (outline,) = read(picture).all("path")
    heights = [float(one) for one in re.findall(r"V([\d.]+)", outline.attrib["d"])]
    base = max(heights)
    assert sorted({round(base - one, 1) for one in heights}) == [0.0, 2.0, 44.0]


def test_words_do_not_overlap(full: Result, check_layout: Any) -> None:
    check_layout(distribution_picture(full))


def test_very_many_candidates_are_cut(full: Result) -> None:
    several = tuple(replace(full.candidates[1], name=f"c{place}") for place in range(CANDIDATES_MAX + 9))
    chart = distribution_picture(replace(full, candidates=several))
    assert chart is not None
    assert len(chart.marks) == CANDIDATES_MAX


def test_without_samples_there_is_no_picture(full: Result) -> None:
    assert distribution_picture(replace(full, candidates=full.candidates[4:])) is None
