"""Elements of pictures."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.report.pictures import svg

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=80)


@settings(max_examples=40, deadline=None)
@given(ANY_TEXT)
def test_any_words_are_valid_xml_and_come_back(content: str) -> None:
    drawn = svg.picture(
        "p.svg", content, (10, 10), [svg.text((1, 2), content), svg.box((0, 0), (1, 1), "cell", content)]
    )
    root = ElementTree.fromstring(drawn.svg.encode())
    shown = svg.readable(content)
    assert [element.text or "" for element in root.iter() if element.tag.endswith(("text", "title"))] == [shown] * (
        3 if content else 2
    )


@settings(max_examples=40, deadline=None)
@given(ANY_TEXT, st.floats(30, 400))
def test_shortened_words_fit(content: str, room: float) -> None:
    assert svg.text_width(svg.shortened(content, 12, room), 12) <= room


def test_words_that_fit_are_kept_and_others_are_whole_when_pointed_at() -> None:
    assert svg.shortened("cat", 12, 100) == "cat"
    cut = svg.fitted((0, 0), "a very long name of a class", 60)
    assert "<title>a very long name of a class</title>" in cut
    assert "…</text>" in cut


def test_control_characters_are_shown_as_replaced() -> None:
    assert svg.escaped("a\x00b\nc<&>\"'") == "a\ufffdb c&lt;&amp;&gt;&quot;&#39;"


def test_picture_has_colours_for_light_and_for_dark() -> None:
    drawn = svg.picture("p.svg", "p", (10, 10), []).svg
    light, _, dark = drawn.partition("@media (prefers-color-scheme:dark)")
    for role in ("paper", "text", "muted", "grid", "first", "second", "other", "cell"):
        assert f".{role}{{" in light
        assert f".{role}{{" in dark


def test_coordinates_are_short() -> None:
    assert [svg.number(value) for value in (1.0, 0.25, -0.04, 12.34)] == ["1", "0.2", "0", "12.3"]
