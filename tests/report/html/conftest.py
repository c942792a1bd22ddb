"""Reading pages back."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

import pytest

from edgetl.report.document import Chapter, Subject, report
from edgetl.report.measured import in_detail
from edgetl.result import Result

VOID = frozenset({"meta", "link", "br", "hr", "img", "input", "wbr"})


class Checked(HTMLParser):
    """A page as a strict reader sees it: what is not balanced, unique or whole is an entry of ``faults``."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.code: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]
        self.faults += [f"id {one!r} is there twice" for one, n in Counter(self.ids).items() if n > 1]
        self.faults += [f"nothing has the id {one!r}" for one in self.targets if one not in self.ids]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        self.elements.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        for name in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
            self.targets += given.get(name, "").split()
        if given.get("href", "").startswith("#"):
            self.targets.append(given["href"][1:])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another element")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.code.append((self.open[-1], data))
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All words of the page."""
        return "".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of that name."""
        return [given for name, given in self.elements if name == tag]


@pytest.fixture(scope="session")
def checked() -> type[Checked]:
    """Reads a page."""
    return Checked


@pytest.fixture
def chapters(full: Result) -> tuple[Chapter, ...]:
    """A report about :func:`full`, without its bundle."""
    return report([Subject("ab" * 32, None, (full,))], in_detail)
