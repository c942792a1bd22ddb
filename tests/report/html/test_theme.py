"""Colours that can be told apart (WCAG 2.1: 1.4.3 for words, 1.4.11 for shapes)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from edgetl.report.html.theme import theme_css
from edgetl.report.pictures.palette import DARK, LIGHT, MARKS, WORDS, svg_rules

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])


def luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.1)."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@THEMES
@pytest.mark.parametrize("ground", ["paper", "raised"])
@pytest.mark.parametrize("role", WORDS)
def test_words_are_readable(role: str, ground: str, theme: Mapping[str, str]) -> None:
    assert contrast(theme[role], theme[ground]) >= 4.5


@THEMES
@pytest.mark.parametrize("ground", ["paper", "raised"])
@pytest.mark.parametrize("role", MARKS)
def test_shapes_are_seen(role: str, ground: str, theme: Mapping[str, str]) -> None:
    assert contrast(theme[role], theme[ground]) >= 3


def test_both_themes_have_the_same_colours() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(re.findall(r"--(\w+):", theme_css())) == set(LIGHT)


@THEMES
def test_lines_stay_lines_whatever_their_colour(theme: Mapping[str, str]) -> None:
    assert svg_rules(theme).endswith(".open{fill:none}")
