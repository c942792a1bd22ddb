"""Promises of :mod:`edgetl.report.data_card`."""

from __future__ import annotations

import msgspec

from edgetl.data_card import SCHEMA, Brightness, DataCard, NearFacts, NearPair, Spread
from edgetl.report.data_card import data_card_tables, data_card_warnings
from edgetl.report.document import Chapter, Section
from edgetl.report.markdown import to_markdown

CARD = DataCard(
    schema=SCHEMA,
    classes=("good", "b|ad"),
    splits={"train": (1200, 300), "validation": (40, 10), "test": (60, 20)},
    imbalance=3.939,
    skipped=2,
    repeats=5,
    brightness=Brightness(mean=101.4, std=12.2, contrast=40.0, very_dark=3),
    widths=Spread(300, 300, 300),
    heights=Spread(200, 300, 400.5),
    aspects=Spread(0.749, 1, 1.5),
    formats={"JPEG": 1600, "PNG": 30},
    modes={"L": 1630},
    near_duplicates=NearFacts(
        4, 1, {"train": 2, "validation": 0, "test": 1}, 0, (NearPair("a", "train", "b", "test", 3),)
    ),
    domains={"mill": {"train": 5, "validation": 1, "test": 2}},
    warnings=("class 'good' is large",),
)


def data_card_markdown(card: DataCard) -> str:
    sections = tuple(Section(table.title, (table,)) for table in data_card_tables(card))
    return to_markdown((Chapter("Data card", data_card_warnings(card), sections),), "files")


def test_the_card_says_what_was_counted() -> None:
    text = data_card_markdown(CARD)
    for line in (
        "# Data card",
        "Warning: class 'good' is large.",
        "| good | 1,200 | 40 | 60 | 1,300 |",
        "| b\\|ad | 300 | 10 | 20 | 330 |",
        "| all | 1,500 | 50 | 80 | 1,630 |",
        "The largest class has 3.94 x the images of the smallest.",
        "| width | 300 pixels |",
        "| height | 200 to 400.5 pixels, median 300 |",
        "| formats | JPEG 1,600, PNG 30 |",
        "| brightness | mean 101 of 255, between images ±12 |",
        "| of train like one of another split | 2 |",
        "| a | train | b | test | 3 |",
        "| mill | 5 | 1 | 2 |",
    ):
        assert line in text.splitlines()
    assert "rotations" in text


def test_what_was_not_found_is_left_out() -> None:
    nothing = NearFacts(4, 0, {"train": 0, "validation": 0, "test": 0}, 0, ())
    text = data_card_markdown(msgspec.structs.replace(CARD, near_duplicates=nothing, domains={}, imbalance=None))
    assert "alike" not in text
    assert "Domain" not in text
    assert "largest" not in text
