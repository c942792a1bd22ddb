"""How long one inference takes, candidate by candidate."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.report.candidates import is_invalid, only_timed, ordered, p50_ns
from edgetl.report.load import latency_words
from edgetl.report.pictures.axis import axis
from edgetl.report.pictures.heading import MARGIN, WIDTH, heading
from edgetl.report.pictures.rows import BELOW, grid
from edgetl.report.pictures.svg import FONT, Picture, Role, Style, box, fitted, line, picture, text, text_width
from edgetl.result import CandidateResult, Result

_CANDIDATES_MAX = 24
_ROW = 46.0


def latency_picture(result: Result, name: str = "latency.svg") -> Picture | None:
    """A bar to the median and a line on to the 90th percentile, the chosen one first; ``None`` when none was timed."""
    timed = [candidate for candidate in ordered(result) if p50_ns(candidate) is not None][:_CANDIDATES_MAX]
    if not timed:
        return None
    words = [_words(one, result) for one in timed]
    end = WIDTH - MARGIN - max(text_width(one, FONT + 1) for one in words) - 10
    across = axis([0.0, *(_milliseconds(_far(one)) for one in timed)], (MARGIN, end))
    above = heading(f"{latency_words(result)}, ms", "bar to the median, line to the 90th percentile")
    top = above.bottom + 6
    bottom = top + _ROW * len(timed)
    elements = [*above.elements, *grid(across, (top, bottom))]
    for place, one in enumerate(timed):
        y = top + _ROW * place
        role: Role = "first" if one.name == result.selected else "other"
        long = across.place(_milliseconds(p50_ns(one) or 0))
        elements += [
            fitted((MARGIN, y + 16), one.name, WIDTH - 2 * MARGIN, Style(bold=role == "first")),
            box((MARGIN, y + 24), (long - MARGIN, 14), role, f"{one.name}: {words[place]}"),
            line((long, y + 31), (across.place(_milliseconds(_far(one))), y + 31), role, 2),
            text((end + 10, y + 35), words[place], Style(bold=role == "first")),
        ]
    alt = f"Median latency of {numbers.counted(len(timed), 'candidate')}, the chosen one first"
    return picture(name, alt, (WIDTH, bottom + BELOW), elements)


def _far(candidate: CandidateResult) -> int:
    latency = candidate.latency
    return 0 if latency is None else max(latency.p50_ns or 0, latency.p90_ns or 0)


def _milliseconds(nanoseconds: int) -> float:
    return nanoseconds / 1e6


def _words(candidate: CandidateResult, result: Result) -> str:
    shown = numbers.duration(p50_ns(candidate))
    if candidate.name == result.selected:
        return f"{shown}, {'lowest' if only_timed(result) else 'chosen'}"
    return f"{shown}, invalid" if is_invalid(candidate) else shown
