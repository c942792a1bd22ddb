"""Colours by what they are for, in light and in dark."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "raised": "#f3f5f7",
    "text": "#1f2328",
    "muted": "#59636e",
    "grid": "#d1d9e0",
    "first": "#0969da",
    "second": "#bc4c00",
    "other": "#818b98",
    "cell": "#0969da",
    "warning": "#b3261e",
}
DARK: Mapping[str, str] = {
    "paper": "#0d1117",
    "raised": "#1a212a",
    "text": "#e6edf3",
    "muted": "#9198a1",
    "grid": "#3d444d",
    "first": "#4493f8",
    "second": "#f0883e",
    "other": "#7d8590",
    "cell": "#1f6feb",
    "warning": "#ff8f88",
}
WORDS = ("text", "muted", "first", "second", "warning")
"""What words are written in, on ``paper`` and on ``raised``: a contrast of 4.5 or more (WCAG 2.1, 1.4.3)."""
MARKS = ("first", "second", "other", "warning")
"""What shapes are drawn in, on ``paper``: a contrast of 3 or more (WCAG 2.1, 1.4.11)."""
_STROKED = frozenset({"first", "second", "other", "warning"})


def svg_rules(colours: Mapping[str, str]) -> str:
    """CSS for the elements of a picture; ``hollow`` ones show the paper, ``open`` ones are only lines."""
    rules = [f".{role}{{{_painted(role, colour)}}}" for role, colour in colours.items()]
    return "".join([*rules, f".hollow{{fill:{colours['paper']}}}", ".open{fill:none}"])


def _painted(role: str, colour: str) -> str:
    if role == "grid":
        return f"stroke:{colour}"
    return f"fill:{colour};stroke:{colour}" if role in _STROKED else f"fill:{colour}"
