"""Elements and words."""

from __future__ import annotations

from edgetl.report.html.elements import Html, breakable, element, joined, words


def test_attributes_and_words_are_escaped() -> None:
    assert element("td", words('a<b & "c"'), class_='x"y', aria_label="<") == (
        '<td class="x&quot;y" aria-label="&lt;">a&lt;b &amp; &quot;c&quot;</td>'
    )


def test_elements_without_content_are_not_closed() -> None:
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


def test_nothing_leaves_no_empty_line() -> None:
    assert joined(Html("a"), Html(""), Html("b")) == "a\nb"


def test_names_may_break_after_a_slash_and_stay_escaped() -> None:
    assert breakable("fp32/<b>/2t") == "fp32/<wbr>&lt;b&gt;/<wbr>2t"


def test_no_line_ends_within_a_code() -> None:
    assert breakable("invalid: W-FEW-SAMPLES, a/b") == 'invalid: <span class="code">W-FEW-SAMPLES</span>, a/<wbr>b'
