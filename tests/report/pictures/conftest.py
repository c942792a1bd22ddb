"""Reading pictures back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from xml.etree import ElementTree

import pytest

from edgetl.report.pictures.svg import Picture, text_width

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Words:
    """A text with the rectangle that it takes at most."""

    content: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Words) -> bool:
        apart = self.right <= other.left or other.right <= self.left or self.bottom <= other.top
        return not (apart or other.bottom <= self.top)


@dataclass(frozen=True)
class Read:
    """A picture as a parser of XML sees it."""

    root: ElementTree.Element

    @property
    def size(self) -> tuple[float, float]:
        return float(self.root.attrib["width"]), float(self.root.attrib["height"])

    def all(self, tag: str) -> list[ElementTree.Element]:
        return list(self.root.iter(SVG + tag))

    @property
    def texts(self) -> list[str]:
        return [element.text or "" for element in self.all("text")]

    @property
    def tooltips(self) -> list[str]:
        return [element.text or "" for element in self.all("title")]

    @property
    def words(self) -> list[Words]:
        return [_words(element) for element in self.all("text")]


def _words(element: ElementTree.Element) -> Words:
    x, y, size = float(element.attrib["x"]), float(element.attrib["y"]), float(element.attrib.get("font-size", 12))
    width = text_width(element.text or "", size)
    back = {"start": 0.0, "middle": width / 2, "end": width}[element.attrib["text-anchor"]]
    if "transform" in element.attrib:
        assert re.match(r"rotate\(-90 ", element.attrib["transform"])
        return Words(element.text or "", x - 0.8 * size, y + back - width, x + 0.2 * size, y + back)
    return Words(element.text or "", x - back, y - 0.8 * size, x - back + width, y + 0.2 * size)


def read(picture: Picture | None) -> Read:
    assert picture is not None
    return Read(ElementTree.fromstring(picture.svg))


def check_layout(picture: Picture | None) -> None:
    """Every word inside the picture, and none on another."""
    found = read(picture)
    width, height = found.size
    words = sorted(found.words, key=lambda one: one.top)
    for place, one in enumerate(words):
        assert one.left >= 0, one
        assert one.right <= width, one
        assert one.top >= 0, one
        assert one.bottom <= height, one
        for other in takewhile(lambda other, end=one.bottom: other.top < end, words[place + 1 :]):
            assert not one.overlaps(other), (one, other)


@pytest.fixture(scope="session", name="read")
def read_fixture() -> object:
    return read


@pytest.fixture(scope="session", name="check_layout")
def check_layout_fixture() -> object:
    return check_layout
