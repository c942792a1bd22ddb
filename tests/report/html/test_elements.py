"""Elements and words."""

from __future__ import annotations

from edgetl.report.html.elements import Html, element, joined, words


def test_attributes_and_words_are_escaped() -> None:
    assert element("td", words('a<b & "c"'), class_='x"y', aria_label="<") == (
        '<td class="x&quot;y" aria-label="&lt;">a&lt;b &amp; &quot;c&quot;</td>'
    )


def test_elements_without_content_are_not_closed() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_nothing_leaves_no_empty_line() -> None:
    assert joined(Html("a"), Html(""), Html("b")) == "a\nb"
