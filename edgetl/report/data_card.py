"""A data card in tables."""

from __future__ import annotations

from edgetl.data_card import DataCard, Spread
from edgetl.report import numbers
from edgetl.report.page import Column, Table

_SIGHT = (
    "Images are compared by a perceptual hash (DCT, 64 bits), which sees scaling, re-encoding and brightness, but not "
    "rotations, mirror images or crops."
)


def data_card_tables(card: DataCard) -> tuple[Table, ...]:
    """The card in tables; empty ones are left out."""
    tables = (_balance(card), _images(card), _alike(card), _pairs(card), _domains(card))
    return tuple(table for table in tables if table.rows)


def data_card_warnings(card: DataCard) -> tuple[str, ...]:
    """What should be looked at, a sentence each."""
    return tuple(f"Warning: {warning}." for warning in card.warnings)


def _balance(card: DataCard) -> Table:
    columns = (Column("Class"), *(Column(name, "right") for name in card.splits), Column("all", "right"))
    rows = []
    for label, name in enumerate(card.classes):
        counts = [split[label] for split in card.splits.values()]
        rows.append((name, *map(numbers.count, counts), numbers.count(sum(counts))))
    totals = [sum(split) for split in card.splits.values()]
    rows.append(("all", *map(numbers.count, totals), numbers.count(sum(totals))))
    known = card.imbalance is not None
    remark = f"The largest class has {numbers.ratio(card.imbalance)} the images of the smallest."
    return Table("Images per class", columns, tuple(rows), (remark,) if known else ())


def _images(card: DataCard) -> Table:
    brightness = card.brightness
    rows = (
        ("width", _range(card.widths, "pixels")),
        ("height", _range(card.heights, "pixels")),
        ("width / height", _range(card.aspects, "")),
        ("formats", _counts(card.formats)),
        ("colour modes", _counts(card.modes)),
        ("brightness", f"mean {brightness.mean:.0f} of 255, between images ±{brightness.std:.0f}"),
        ("contrast", f"mean {brightness.contrast:.0f} of 255 within an image"),
        ("very dark", numbers.count(brightness.very_dark)),
        ("exact repeats", numbers.count(card.repeats)),
        ("left out", numbers.count(card.skipped)),
    )
    return Table("Images", (Column("What"), Column("Value")), rows)


def _alike(card: DataCard) -> Table:
    near = card.near_duplicates
    rows = [
        (f"of {name} like one of another split", numbers.count(count)) for name, count in near.across.items() if count
    ]
    if near.labels_differ:
        rows.append(("like one of another class", numbers.count(near.labels_differ)))
    if near.not_compared:
        rows.append(("without structure, not compared", numbers.count(near.not_compared)))
    return Table("Images that look alike", (Column("Images"), Column("Number", "right")), tuple(rows), (_SIGHT,))


def _pairs(card: DataCard) -> Table:
    columns = (Column("Image"), Column("Split"), Column("Looks like"), Column("Split"), Column("Bits apart", "right"))
    rows = tuple(
        (pair.first, pair.first_split, pair.second, pair.second_split, numbers.count(pair.distance))
        for pair in card.near_duplicates.examples
    )
    return Table("The most alike across splits", columns, rows)


def _domains(card: DataCard) -> Table:
    columns = (Column("Domain"), *(Column(name, "right") for name in card.splits))
    rows = tuple(
        (domain, *(numbers.count(counts[name]) for name in card.splits)) for domain, counts in card.domains.items()
    )
    return Table("Domains", columns, rows)


def _range(spread: Spread, unit: str) -> str:
    if spread.minimum == spread.maximum:
        return f"{spread.median:g} {unit}".rstrip()
    return f"{spread.minimum:g} to {spread.maximum:g} {unit}".rstrip() + f", median {spread.median:g}"


def _counts(values: dict[str, int]) -> str:
    return ", ".join(f"{name} {numbers.count(count)}" for name, count in values.items())
