"""What stands above a chart."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.report.pictures.heading import MARGIN, WIDTH, heading, wrapped
from edgetl.report.pictures.svg import picture, text_width

WORDS = st.text(st.characters(codec=None, categories=None), max_size=120)


def test_lines_hold_every_word_in_order() -> None:
    words = "inference alone; periodic, 200 per second, late after 5.00 ms, late ones queue"
    lines = wrapped(words, 12)
    assert len(lines) == 2
    assert " ".join(lines) == words
    assert max(text_width(one) for one in lines) <= WIDTH - 2 * MARGIN


def test_long_name_goes_on_after_a_slash() -> None:
    name = "solar-cells.edgetl/fp32/onnxruntime/fp32/2t: latency, ms"
    assert wrapped(name, 13) == ("solar-cells.edgetl/fp32/onnxruntime/fp32/", "2t: latency, ms")


def test_words_without_end_have_a_line_of_their_own() -> None:
    assert wrapped(f"a {'b' * 90} c", 12) == ("a", "b" * 90, "c")


@settings(max_examples=30, deadline=None)
@given(WORDS, WORDS)
def test_any_heading_stays_inside_and_above(check_layout: Any, title: str, note: str) -> None:
    found = heading(title, note)
    check_layout(picture("p.svg", "p", (WIDTH, found.bottom + 12), found.elements))
