"""How latency is distributed, candidate by candidate."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.load import measured_as, scenario_words
from edgetl.report.pictures.chart import Chart, Facts, hit_area, mark
from edgetl.report.pictures.heading import MARGIN, WIDTH, heading
from edgetl.report.pictures.log_axis import LogAxis, labelled, log_axis
from edgetl.report.pictures.svg import FONT, Role, Style, fitted, line, number, picture, text, text_width
from edgetl.result import CandidateResult, Latency, Result

CANDIDATES_MAX = 24
_BINS = 96
_LEFT, _RIGHT = MARGIN, WIDTH - MARGIN
_ROW, _NAME, _HILL = 84.0, 20.0, 44.0
_LEGEND = "height: how many samples; marks: p50, p90, p99 where there are enough of them"
_SEEN = 2.0
"""Pixels that even one sample among a million gets."""


def distribution_picture(result: Result, name: str = "distribution.svg") -> Chart | None:
    """A histogram per candidate on one logarithmic axis, with the percentiles that the samples support."""
    timed = [one for one in ordered(result) if one.latency is not None and one.latency.samples_ns][:CANDIDATES_MAX]
    if not timed:
        return None
    samples = [np.asarray(one.latency.samples_ns, np.int64) / 1e6 for one in timed if one.latency]
    across = log_axis([bound for one in samples for bound in (one.min(), one.max())], (_LEFT, _RIGHT))
    facts = tuple(distribution_facts(one, result) for one in timed)
    above = heading(f"Latency, ms, logarithmic; {scenario_words(result.scenario)}", _LEGEND)
    top = above.bottom + 6
    bottom = top + _ROW * len(timed)
    elements = [*above.elements, *_grid(across, (top, bottom))]
    for place, one in enumerate(timed):
        role: Role = "other" if one.rejected_because else "first"
        drawn = _row(one, samples[place], across, (top + _ROW * place, role))
        elements.append(mark(place, facts[place], drawn))
    alt = f"Histograms of the latency of {numbers.counted(len(timed), 'candidate')}"
    base = picture(name, alt, (WIDTH, bottom + 34), elements)
    return Chart(base.name, base.alt, base.size, base.elements, facts)


def distribution_facts(candidate: CandidateResult, result: Result) -> Facts:
    """Every percentile of a candidate, or that its samples do not support it."""
    latency = candidate.latency
    if latency is None:
        return Facts(candidate.name, ())
    rows = [(word, "too few samples" if ns is None else numbers.duration(ns)) for word, ns in _percentiles(latency)]
    rows += [
        ("fastest", numbers.duration(latency.min_ns)),
        ("slowest", numbers.duration(latency.max_ns)),
        ("samples", numbers.count(latency.n)),
        ("measured", measured_as(candidate, result)),
    ]
    return Facts(candidate.name, tuple(rows))


def _percentiles(latency: Latency) -> Iterator[tuple[str, int | None]]:
    yield "p50", latency.p50_ns
    yield "p90", latency.p90_ns
    yield "p99", latency.p99_ns


def _grid(across: LogAxis, span: tuple[float, float]) -> list[str]:
    elements, bottom = [], span[1]
    for tick in labelled(across):
        x = across.place(tick)
        elements += [
            line((x, span[0]), (x, bottom)),
            text((x, bottom + 18), across.label(tick), Style("muted", "middle")),
        ]
    return elements


def _row(
    candidate: CandidateResult, samples_ms: npt.NDArray[np.float64], across: LogAxis, at: tuple[float, Role]
) -> list[str]:
    top, role = at
    base = top + _NAME + _HILL
    elements = [
        hit_area((_LEFT, top), (_RIGHT - _LEFT, _ROW - 4)),
        fitted((_LEFT, top + 14), candidate.name, _RIGHT - _LEFT, Style(bold=True)),
        f'<path class="{role} hill" d="{_hill(samples_ms, across, base)}"/>',
        line((_LEFT, base), (_RIGHT, base)),
    ]
    return [*elements, *_marks(candidate.latency, across, base)]


def _hill(samples_ms: npt.NDArray[np.float64], across: LogAxis, base: float) -> str:
    """Counts in bins of equal width on the logarithmic axis, as one outline."""
    edges = np.geomspace(across.low, across.high, _BINS + 1)
    edges[0] = 0.0
    counts, _ = np.histogram(samples_ms, edges)
    heights = base - np.where(counts > 0, np.maximum(counts / max(counts.max(), 1) * _HILL, _SEEN), 0)
    wide = (across.end - across.start) / _BINS
    steps = [
        f"V{number(height)}H{number(across.start + wide * (place + 1))}"
        for place, height in enumerate(heights)
        if place == _BINS - 1 or counts[place] != counts[place + 1]
    ]
    return f"M{number(across.start)} {number(base)}{''.join(steps)}V{number(base)}Z"


def _marks(latency: Latency | None, across: LogAxis, base: float) -> list[str]:
    elements: list[str] = []
    free = 0.0
    for word, ns in () if latency is None else _percentiles(latency):
        if ns is None:
            continue
        x = across.place(ns / 1e6)
        elements.append(line((x, base - _HILL - 2), (x, base + 4), "second", 2))
        start = min(max(x - 10, free), across.end - text_width(word, FONT))
        if start >= free:
            elements.append(text((start, base + 16), word, Style("muted", size=11)))
            free = start + text_width(word, 11)
    return elements
