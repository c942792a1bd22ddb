"""Latency of one candidate from the first inference to the last, with what sensors said meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.report import numbers
from edgetl.report.load import measured_as
from edgetl.report.pictures.axis import axis
from edgetl.report.pictures.chart import Chart, Facts, Trace, mark
from edgetl.report.pictures.distribution import distribution_facts
from edgetl.report.pictures.heading import WIDTH, heading
from edgetl.report.pictures.log_axis import LogAxis, log_axis
from edgetl.report.pictures.moments import block_ends, sample_times
from edgetl.report.pictures.sensors import HEIGHT, Drawn, Window, panels, throttle_marks
from edgetl.report.pictures.svg import Style, box, line, number, polyline, text
from edgetl.report.pictures.thinning import thinned
from edgetl.result import CandidateResult, Latency, Result

POINTS_MAX = 2_000
_LEFT, _RIGHT, _HIGH = 52.0, 384.0, 168.0
_STRETCHES = 100
_BLOCKS_MAX = 120
"""More are narrower than the gaps between them."""


@dataclass(frozen=True)
class Line:
    """Samples on their way into the picture: where along it (seconds, or inferences), and how long each took."""

    across: npt.NDArray[np.float64]
    milliseconds: npt.NDArray[np.float64]
    in_seconds: bool
    """Whether it is known when samples were taken."""


def over_time_picture(candidate: CandidateResult, result: Result, name: str, limit: int = POINTS_MAX) -> Chart | None:
    """At most ``limit`` samples, among them every spike; ``None`` when the candidate was not timed."""
    latency = candidate.latency
    if latency is None or not latency.samples_ns:
        return None
    times = sample_times(candidate, result.scenario)
    window, taken = _window(times, len(latency.samples_ns))
    samples = np.asarray(latency.samples_ns, np.float64) / 1e6
    kept = thinned(samples, limit)
    is_thinned = len(kept) < len(samples)
    shown = Line((taken[kept] - window.start_ns) / (1e9 if times is not None else 1), samples[kept], times is not None)
    above = heading(f"{candidate.name}: latency, ms", measured_as(candidate, result) + _legend(is_thinned))
    top = above.bottom + 20
    up = log_axis([samples.min(), samples.max()], (top + _HIGH, top))
    below = panels(result.telemetry if shown.in_seconds else None, window, up.start + 46)
    bottom = up.start + 46 + HEIGHT * len(below)
    span = (top, bottom - 10)
    throttled = throttle_marks(result.telemetry if shown.in_seconds else None, window, span)
    pixels = [(window.place(at), up.place(value)) for at, value in zip(taken[kept], shown.milliseconds, strict=True)]
    blocks = np.searchsorted(np.cumsum(latency.blocks), kept, side="right")
    facts, groups = _marks((*below, throttled))
    elements = [
        *above.elements,
        *(_shades(latency, times, window, span) if times is not None else ()),
        *_grid(up, shown, window),
        _path(pixels, blocks, 0.45 if is_thinned else 1.0),
        *([_medians(taken, samples, window, up)] if is_thinned else []),
        *groups,
    ]
    alt = f"Latency over time of {candidate.name}: {distribution_facts(candidate, result).in_words}"
    trace = _trace(candidate.name, pixels, shown)
    return Chart(name, alt, (WIDTH, bottom + 6), tuple(elements), facts, trace)


def _legend(is_thinned: bool) -> str:
    return "; extremes, and medians as a line" if is_thinned else ""


def _window(times_ns: npt.NDArray[np.float64] | None, n: int) -> tuple[Window, npt.NDArray[np.float64]]:
    taken = np.arange(1, n + 1, dtype=np.float64) if times_ns is None else times_ns
    start = 0.0 if times_ns is None else float(taken.min())
    return Window(start, max(float(taken.max()), start + 1), _LEFT, _RIGHT), taken


def _shades(
    latency: Latency, times_ns: npt.NDArray[np.float64], window: Window, span: tuple[float, float]
) -> list[str]:
    """A band from the start of each block to its end, or to that of its last sample where it is not known."""
    if len(latency.blocks) > _BLOCKS_MAX:
        return []
    bands, height = [], span[1] - span[0]
    last = np.cumsum(latency.blocks) - 1
    ends = block_ends(latency) or (times_ns[last] + np.asarray(latency.samples_ns)[last]).tolist()
    for start_ns, end_ns in zip(latency.block_starts_ns, ends, strict=True):
        left, right = window.place(start_ns), min(window.place(end_ns), _RIGHT)
        bands.append(box((left, span[0]), (max(right - left - 1, 1.0), height), "raised"))
    return bands


def _grid(up: LogAxis, shown: Line, window: Window) -> list[str]:
    elements = []
    for tick in up.ticks:
        y = up.place(tick)
        elements.append(line((_LEFT, y), (_RIGHT, y)))
        elements.append(text((_LEFT - 8, y + 4), up.label(tick), Style("muted", "end")))
    scale = 1e9 if shown.in_seconds else 1.0
    last = (window.end_ns - window.start_ns) / scale
    steps = axis([0.0, max(last, 1e-9)], (0.0, 1.0), about=3)
    for tick in steps.ticks:
        if tick <= last * 1.001:
            x = window.place(window.start_ns + tick * scale)
            style = Style("muted", "end" if x > _RIGHT - 20 else "middle")
            elements.append(text((x, up.start + 18), steps.label(tick), style))
    word = "seconds since its first inference" if shown.in_seconds else "inferences, in time order"
    elements.append(text(((_LEFT + _RIGHT) / 2, up.start + 36), word, Style("muted", "middle")))
    return elements


def _medians(taken: npt.NDArray[np.float64], samples: npt.NDArray[np.float64], window: Window, up: LogAxis) -> str:
    """The median of each stretch: where only extremes are drawn, nothing else shows a drift."""
    stretches = np.array_split(np.arange(len(samples)), _STRETCHES)
    places = [
        (window.place(float(np.median(taken[part]))), up.place(float(np.median(samples[part])))) for part in stretches
    ]
    return polyline(places, "second")


def _path(pixels: list[tuple[float, float]], blocks: npt.NDArray[np.int64], opacity: float) -> str:
    """A line through the samples of each block; a block that is one sample is a dot."""
    steps = []
    for place, (x, y) in enumerate(pixels):
        first = place == 0 or blocks[place] != blocks[place - 1]
        steps.append(f"{'M' if first else 'L'}{number(x)} {number(y)}{'h0' if first else ''}")
    look = f'stroke-width="1.2" stroke-linecap="round" stroke-opacity="{opacity:g}"'
    return f'<path class="first open trace" d="{"".join(steps)}" {look}/>'


def _trace(name: str, pixels: list[tuple[float, float]], shown: Line) -> Trace:
    form = numbers.significant if not shown.in_seconds else "{:.3f}".format
    return Trace(
        name,
        tuple((round(x), round(y)) for x, y in pixels),
        tuple(form(at) if shown.in_seconds else f"{at:.0f}" for at in shown.across),
        tuple(map(numbers.significant, shown.milliseconds)),
        ("s", "ms") if shown.in_seconds else ("inference", "ms"),
    )


def _marks(drawn: tuple[Drawn, ...]) -> tuple[tuple[Facts, ...], list[str]]:
    pairs = [pair for one in drawn for pair in one.marks]
    groups = [element for one in drawn for element in one.elements]
    groups += [mark(place, facts, elements) for place, (facts, elements) in enumerate(pairs)]
    return tuple(facts for facts, _ in pairs), groups
