"""Accuracy against latency: which candidates nothing beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.report import numbers
from edgetl.report.candidates import ordered
from edgetl.report.load import measured_as, scenario_words
from edgetl.report.pictures.axis import Axis, axis, drawable
from edgetl.report.pictures.chart import Chart, Facts, mark
from edgetl.report.pictures.heading import MARGIN, WIDTH, Heading, heading
from edgetl.report.pictures.log_axis import LogAxis, labelled, log_axis
from edgetl.report.pictures.svg import Point, Role, Style, line, number, polyline, text, text_width
from edgetl.result import CandidateResult, Result
from edgetl.samples.support import interval

_LEFT, _RIGHT, _HIGH = 52.0, 380.0, 230.0
_LEGEND = 48.0
"""Height of two lines."""


@dataclass(frozen=True)
class Spot:
    """A candidate and where it lies; each number with its interval, from low to high."""

    candidate: CandidateResult
    latency_ms: tuple[float, float, float]
    accuracy: tuple[float, float, float]
    """In percent."""


def front_picture(result: Result, name: str = "front.svg") -> Chart | None:
    """A point for each candidate with both numbers; ``None`` where none has."""
    spots = [spot for spot in map(_spot, ordered(result)) if spot is not None]
    if not spots:
        return None
    above = _above(spots[0], result)
    top = above.bottom + _LEGEND + 8
    across = log_axis([bound for one in spots for bound in one.latency_ms], (_LEFT, _RIGHT))
    up = axis([bound for one in spots for bound in one.accuracy], (top + _HIGH, top))
    facts = tuple(candidate_facts(one, result) for one in spots)
    best = [(across.place(one.latency_ms[1]), up.place(one.accuracy[1])) for one in pareto(spots)]
    elements = [
        *above.elements,
        *_legend(above.bottom),
        *_frame(across, up),
        *([polyline(best, "first", dashed=True)] if len(best) > 1 else []),
        *(mark(place, facts[place], _point(one, result, across, up)) for place, one in enumerate(spots)),
    ]
    drawn = numbers.counted(len(spots), "candidate")
    alt = f"Accuracy against median latency of {drawn}, with 95 % intervals; the line is the front"
    return Chart(name, alt, (WIDTH, up.start + 52), tuple(elements), facts)


def pareto(spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """By latency, those that passed every check and that no other beats in accuracy at the same latency or less.

    One that was rejected only for being slower than the chosen one may lie on it: it may be the more accurate one.
    """
    standing = [one for one in spots if all(check.passed for check in one.candidate.checks)]
    front: list[Spot] = []
    for one in sorted(standing, key=lambda one: (one.latency_ms[1], -one.accuracy[1])):
        if not front or one.accuracy[1] > front[-1].accuracy[1]:
            front.append(one)
    return tuple(front)


def candidate_facts(spot: Spot, result: Result) -> Facts:
    """All that is told of a candidate, where it is drawn."""
    candidate, (fast, median, slow) = spot.candidate, spot.latency_ms
    latency, score = candidate.latency, candidate.accuracy
    rows = [
        ("runtime", candidate.runtime),
        ("precision", f"{candidate.precision} ({candidate.rendering})"),
        ("threads", numbers.count(candidate.threads)),
        ("median", f"{numbers.duration(median * 1e6)} ({_between(fast, slow)})"),
    ]
    if latency is not None:
        for word, value in (("p90", latency.p90_ns), ("p99", latency.p99_ns)):
            rows.append((word, "too few samples" if value is None else numbers.duration(value)))
        rows.append(("samples", numbers.count(latency.n)))
        rows.append(("measured", measured_as(candidate, result)))
    if score is not None:
        rows.append((score.metric, f"{numbers.percent(score.value)} ({numbers.percent_interval(score.ci95)})"))
    if candidate.validity is not None and candidate.validity.verdict != "valid":
        codes = ", ".join(finding.code for finding in candidate.validity.findings)
        rows.append(("measurement", f"{candidate.validity.verdict}: {codes}"))
    rows.append(("verdict", _verdict(candidate, result)))
    return Facts(candidate.name, tuple(rows))


def _between(fast_ms: float, slow_ms: float) -> str:
    return f"{numbers.duration(fast_ms * 1e6)} to {numbers.duration(slow_ms * 1e6)}"


def _spot(candidate: CandidateResult) -> Spot | None:
    score, latency = candidate.accuracy, candidate.latency
    if score is None or latency is None or latency.p50_ns is None:
        return None
    if not all(map(drawable, (score.value, *score.ci95))):
        return None
    median = latency.p50_ns
    low, high = (end if end is not None else median for end in interval(sorted(latency.samples_ns), 50.0))
    accuracy = (score.ci95[0] * 100, score.value * 100, score.ci95[1] * 100)
    return Spot(candidate, (min(low, median) / 1e6, median / 1e6, max(high, median) / 1e6), accuracy)


def _verdict(candidate: CandidateResult, result: Result) -> str:
    if candidate.rejected_because is not None:
        return f"rejected: {candidate.rejected_because}"
    return "chosen" if candidate.name == result.selected else "not rejected"


def _above(first: Spot, result: Result) -> Heading:
    metric = first.candidate.accuracy.metric if first.candidate.accuracy else "accuracy"
    return heading(f"{metric}, %, against median latency", scenario_words(result.scenario))


def _frame(across: LogAxis, up: Axis) -> list[str]:
    elements = []
    for tick in up.ticks:
        y = up.place(tick)
        elements += [line((_LEFT, y), (_RIGHT, y)), text((_LEFT - 8, y + 4), up.label(tick), Style("muted", "end"))]
    for tick in labelled(across):
        x = across.place(tick)
        elements += [line((x, up.end), (x, up.start))]
        elements.append(text((x, up.start + 18), across.label(tick), Style("muted", "middle")))
    middle = (_LEFT + _RIGHT) / 2
    elements.append(text((middle, up.start + 40), "median latency, ms (logarithmic)", Style("muted", "middle")))
    return elements


def _legend(top: float) -> list[str]:
    """What points mean on one line, and what their line means on the next."""
    elements, left, y = [], MARGIN, top + 12
    for words, shape in (("chosen", "chosen"), ("not rejected", "passed"), ("rejected", "rejected")):
        elements += [*_dot((left + 9, y), shape), text((left + 24, y + 4), words, Style("muted"))]
        left += 40 + text_width(words)
    y += _LEGEND / 2
    elements.append(polyline(((MARGIN, y), (MARGIN + 24, y)), "first", dashed=True))
    elements.append(text((MARGIN + 30, y + 4), "front of those that passed every check", Style("muted")))
    return elements


def _point(spot: Spot, result: Result, across: LogAxis, up: Axis) -> list[str]:
    shape = _shape(spot.candidate, result)
    role: Role = "other" if shape == "rejected" else "first"
    fast, x, slow = map(across.place, spot.latency_ms)
    worst, y, best = map(up.place, spot.accuracy)
    whiskers = [line((fast, y), (slow, y), role, 2), line((x, worst), (x, best), role, 1.5)]
    return [*whiskers, *_dot((x, y), shape)]


def _shape(candidate: CandidateResult, result: Result) -> str:
    if candidate.rejected_because is not None:
        return "rejected"
    return "chosen" if candidate.name == result.selected else "passed"


def _dot(at: Point, shape: str) -> list[str]:
    place = f'cx="{number(at[0])}" cy="{number(at[1])}"'
    if shape == "rejected":
        return [f'<circle class="other hollow" {place} r="5" stroke-width="2"/>']
    ring = [f'<circle class="first open" {place} r="9" stroke-width="2"/>'] if shape == "chosen" else []
    return [*ring, f'<circle class="first" {place} r="5"/>']
