"""How long one inference takes, candidate by candidate."""

from __future__ import annotations

from edgetl.report import numbers
from edgetl.report.candidates import ordered, p50_ns
from edgetl.report.load import latency_words
from edgetl.report.pictures.axis import axis
from edgetl.report.pictures.rows import BELOW, TOP, grid
from edgetl.report.pictures.svg import (
    FONT,
    Picture,
    Role,
    Style,
    box,
    fitted,
    line,
    picture,
    shortened,
    text,
    text_width,
)
from edgetl.result import CandidateResult, Result

_CANDIDATES_MAX = 24
_NAME_ROOM = 300.0
_WIDTH = 260.0
_ROW = 28.0


def latency_picture(result: Result, name: str = "latency.svg") -> Picture | None:
    """A bar to the median and a line on to the 90th percentile, the chosen one first; ``None`` when none was timed."""
    timed = [candidate for candidate in ordered(result) if p50_ns(candidate) is not None][:_CANDIDATES_MAX]
    if not timed:
        return None
    left = 16 + max(text_width(shortened(one.name, FONT, _NAME_ROOM)) for one in timed) + 12
    across = axis([0.0, *(_milliseconds(_far(one)) for one in timed)], (left, left + _WIDTH))
    bottom = TOP + _ROW * len(timed)
    title = f"{latency_words(result)}, ms: bar to the median, line to the 90th percentile"
    elements = [text((16, 22), title, Style(bold=True, size=13)), *grid(across, bottom)]
    words = [_words(one, result) for one in timed]
    for place, one in enumerate(timed):
        y = TOP + _ROW * place
        role: Role = "first" if one.name == result.selected else "other"
        end = across.place(_milliseconds(p50_ns(one) or 0))
        elements += [
            fitted((left - 12, y + _ROW / 2 + 4), one.name, _NAME_ROOM, Style(anchor="end")),
            box((left, y + 6), (end - left, _ROW - 12), role, f"{one.name}: {words[place]}"),
            line((end, y + _ROW / 2), (across.place(_milliseconds(_far(one))), y + _ROW / 2), role, 2),
            text((left + _WIDTH + 16, y + _ROW / 2 + 4), words[place], Style(bold=role == "first")),
        ]
    width = left + _WIDTH + 16 + max(text_width(one, FONT + 1) for one in words) + 12
    width = max(width, text_width(title, 14) + 28)
    alt = f"Median latency of {len(timed)} candidates, the chosen one first"
    return picture(name, alt, (width, bottom + BELOW), elements)


def _far(candidate: CandidateResult) -> int:
    latency = candidate.latency
    return 0 if latency is None else max(latency.p50_ns or 0, latency.p90_ns or 0)


def _milliseconds(nanoseconds: int) -> float:
    return nanoseconds / 1e6


def _words(candidate: CandidateResult, result: Result) -> str:
    chosen = ", chosen" if candidate.name == result.selected else ""
    return numbers.duration(p50_ns(candidate)) + chosen
