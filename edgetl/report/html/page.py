"""A report as one HTML page: no other file, no network, and no script but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources

import msgspec

from edgetl.report.document import Block, Chapter, Section
from edgetl.report.html.blocks import Place, block_html
from edgetl.report.html.elements import Html, element, joined, words
from edgetl.report.html.theme import theme_css
from edgetl.report.pictures.chart import Chart, Facts, Trace
from edgetl.report.pictures.svg import readable

_STYLES = ("page.css", "tables.css", "charts.css", "print.css")


def to_html(chapters: Sequence[Chapter]) -> str:
    """The whole page, ending with a newline; every id in it is unique, and every word of the report is escaped."""
    title = ", ".join(chapter.title for chapter in chapters) or "Report"
    body = element(
        "body",
        element("a", words("Skip to the report"), href="#main", class_="skip"),
        _header(),
        _contents(chapters),
        element("main", joined(*(_chapter(one, place) for place, one in enumerate(chapters, 1))), id="main"),
        element("div", Html(""), id="tip", role="tooltip", hidden="hidden"),
        element("script", _data(chapters), type="application/json", id="data"),
        element("script", Html(_script())),
    )
    return f"<!DOCTYPE html>\n{element('html', _head(title), body, lang='en')}\n"


def _head(title: str) -> Html:
    style = theme_css() + "".join(map(_asset, _STYLES))
    policy = (
        f"default-src 'none'; style-src {_fingerprint(style)}; script-src {_fingerprint(_script())}; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", words(f"{title}: EdgeTL report")),
        element("style", Html(style)),
    )


def _header() -> Html:
    # Hidden until the script that it needs has run.
    toggle = element("button", words("Dark theme"), id="theme", type="button", aria_pressed="false", hidden="hidden")
    return element("header", element("p", words("EdgeTL report"), class_="kicker"), toggle)


def _contents(chapters: Sequence[Chapter]) -> Html:
    entries = []
    for place, chapter in enumerate(chapters, 1):
        below = [
            element("li", element("a", words(section.title), href=f"#c{place}-s{number}"))
            for number, section in enumerate(chapter.sections, 1)
        ]
        link = element("a", words(chapter.title), href=f"#c{place}")
        entries.append(element("li", link, element("ul", joined(*below)) if below else Html("")))
    return element("nav", element("ul", joined(*entries)), aria_label="Contents")


def _chapter(chapter: Chapter, place: int) -> Html:
    sections = [_section(section, f"c{place}-s{number}") for number, section in enumerate(chapter.sections, 1)]
    heading = element("h1", words(chapter.title), id=f"c{place}")
    summary = [element("p", words(sentence), class_="summary") for sentence in chapter.summary]
    return element("article", joined(heading, *summary, *sections), aria_labelledby=f"c{place}")


def _section(section: Section, section_id: str) -> Html:
    blocks = [block_html(block, Place(block_id, section.title)) for block_id, block in _blocks(section, section_id)]
    heading = element("h2", words(section.title), id=section_id)
    return element("section", joined(heading, *blocks), aria_labelledby=section_id)


def _blocks(section: Section, section_id: str) -> Iterator[tuple[str, Block]]:
    for number, block in enumerate(section.blocks, 1):
        yield f"{section_id}-b{number}", block


def _data(chapters: Sequence[Chapter]) -> Html:
    """What marks and lines tell, by the id of their figure; no sign in it can end the script element."""
    charts = {
        block_id: {"marks": tuple(map(_clean, block.marks)), "trace": _packed(block.trace)}
        for place, chapter in enumerate(chapters, 1)
        for number, section in enumerate(chapter.sections, 1)
        for block_id, block in _blocks(section, f"c{place}-s{number}")
        if isinstance(block, Chart)
    }
    text = msgspec.json.encode(charts).decode("utf-8", "replace")
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(text)


def _clean(facts: Facts) -> Facts:
    return Facts(readable(facts.title), tuple((word, readable(value)) for word, value in facts.rows))


def _packed(trace: Trace | None) -> dict[str, object] | None:
    """As few letters as can be: a page may hold many lines of 2,000 points."""
    if trace is None:
        return None
    return {
        "name": readable(trace.name),
        "x": [x for x, _ in trace.pixels],
        "y": [y for _, y in trace.pixels],
        "across": " ".join(trace.across),
        "values": " ".join(trace.values),
        "units": trace.units,
    }


def _fingerprint(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _script() -> str:
    return _asset("script.js")


@cache
def _asset(name: str) -> str:
    return resources.files("edgetl.report.html").joinpath(name).read_text("utf-8")
