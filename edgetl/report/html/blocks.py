"""Sentences, tables and pictures as HTML."""

from __future__ import annotations

from dataclasses import dataclass

from edgetl.report import numbers
from edgetl.report.document import Block
from edgetl.report.html.elements import Html, breakable, element, joined, words
from edgetl.report.page import Column, Table
from edgetl.report.pictures.chart import Chart
from edgetl.report.pictures.heading import WIDTH
from edgetl.report.pictures.svg import FAMILY, FONT, Picture, number, text_width

_ROWS_MAX = 16
"""A longer table opens when it is asked for."""
_MEDIUM, _LONG = 18, 60
"""Letters from which a cell gets room for several words on a line, and for many."""
_UNBROKEN = 10
"""Letters up to which a number stays on one line."""
_PHONE, _CELL = 328.0, 24.0
"""Pixels: room on the narrowest phone (360, less the margins), and what is left and right in a cell."""


@dataclass(frozen=True)
class Place:
    """Where a block stands: its id, and the title above it."""

    id: str
    above: str


def block_html(block: Block, place: Place) -> Html:
    """One block of a section."""
    if isinstance(block, str):
        return element("p", words(block))
    return _picture(block, place) if isinstance(block, Picture) else _table(block, place)


def _table(table: Table, place: Place) -> Html:
    title = table.title or place.above
    heads = (element("th", words(one.title), role="columnheader", scope="col", **_look(one)) for one in table.columns)
    body = [element("tr", *map(_cell, range(len(row)), row, table.columns), role="row") for row in table.rows]
    grid = element(
        "table",
        element("caption", words(title)),
        element("thead", element("tr", *heads, role="row"), role="rowgroup"),
        element("tbody", joined(*body), role="rowgroup"),
        # Browsers forget what a table is where its rows are drawn as cards.
        role="table",
        id=place.id,
        **({} if _is_narrow(table) else {"class_": "cards"}),
    )
    remarks = [element("p", words(remark), class_="remark") for remark in table.remarks]
    whole = joined(_wide(grid, f"Table: {title}"), *remarks)
    rows = len(table.rows)
    return whole if rows <= _ROWS_MAX else _folded(f"{title} ({numbers.count(rows)} rows)", whole)


def _is_narrow(table: Table) -> bool:
    """Whether a phone shows the table as it is: words and their values, or few letters in each row."""
    longest = (
        max(map(text_width, cells)) for cells in zip((one.title for one in table.columns), *table.rows, strict=True)
    )
    return len(table.columns) < 3 or sum(width + _CELL for width in longest) <= _PHONE


def _cell(place: int, content: str, column: Column) -> Html:
    look = _look(column, content)
    if not look and len(content) > _MEDIUM:
        look = {"class_": "long" if len(content) > _LONG else "medium"}
    shown = breakable(content)
    if "<" in shown:
        # A card lays out every child by itself, so there is only one.
        shown = element("span", shown)
    if place == 0:
        return element("th", shown, role="rowheader", scope="row", **look)
    return element("td", shown, role="cell", data_title=column.title, **look)


def _look(column: Column, content: str = "") -> dict[str, str]:
    if column.align != "right":
        return {}
    return {"class_": "number" if len(content) <= _UNBROKEN else "number broken"}


def _picture(picture: Picture, place: Place) -> Html:
    width, height = map(number, picture.size)
    is_chart = isinstance(picture, Chart)
    title, desc = f"{place.id}-title", f"{place.id}-desc"
    drawing = element(
        "svg",
        element("title", words(place.above), id=title),
        element("desc", words(picture.alt), id=desc),
        joined(*map(Html, picture.elements)),
        # Parts of an image cannot be reached one by one, so a chart is a group.
        role="group" if is_chart else "img",
        aria_labelledby=title,
        aria_describedby=desc,
        width=width,
        height=height,
        viewBox=f"0 0 {width} {height}",
        font_family=FAMILY,
        font_size=number(FONT),
        **({"class_": "slim"} if picture.size[0] <= WIDTH else {}),
    )
    kind = "chart" if is_chart else "picture"
    figure = element("figure", _wide(drawing, f"Picture: {place.above}"), id=place.id, class_=kind)
    return _folded(picture.folded, figure) if isinstance(picture, Chart) and picture.folded else figure


def _wide(content: Html, label: str) -> Html:
    """What may be wider than a phone scrolls by itself, with the keyboard, too."""
    return element("div", content, class_="wide", role="region", aria_label=label, tabindex="0")


def _folded(line: str, content: Html) -> Html:
    return element("details", element("summary", words(line)), content)
