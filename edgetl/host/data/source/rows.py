"""Rows of a table that lists images, whatever file they were read from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.errors import DataError
from edgetl.host.data.dataset import SEVERAL, Dataset, Sample, SplitName
from edgetl.host.data.source.split_names import SPLIT_NAMES

REQUIRED = ("path", "label")
OPTIONAL = ("split", "weight", "group", "domain")


@dataclass(frozen=True)
class Row:
    """The cells of one row as text without surrounding blanks; absent and empty ones are ``""``."""

    place: str
    """For messages: ``line 7`` or ``row 7``."""
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


def check_columns(columns: Sequence[str], file: Path) -> tuple[str, ...]:
    """Refuse a table that lacks a column or has one twice; returns a note on columns that are not used.

    Raises:
        DataError: names the file and the column.
    """
    lacking = [name for name in REQUIRED if name not in columns]
    if lacking:
        shown = ", ".join(map(repr, columns[:8])) or "none"
        raise DataError(
            f"table {str(file)!r}, first line: there is no column {lacking[0]!r} (it has: {shown}); expected "
            f"{', '.join(REQUIRED)} and optionally {', '.join(OPTIONAL)}"
        )
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"table {str(file)!r}, first line: column {twice!r} is there twice; expected every name once")
    unused = [repr(name) for name in columns if name not in REQUIRED + OPTIONAL]
    return (f"{file.name}: not used: {', '.join(unused)}",) if unused else ()


def dataset_from_rows(rows: Iterable[Row], file: Path, notes: tuple[str, ...] = ()) -> Dataset:
    """The images that the rows list; paths are relative to the folder of ``file``.

    Classes are the labels in alphabetical order, or in numerical order where all are whole numbers.

    Raises:
        DataError: an empty cell, an unknown split, a weight that is none, a path that is listed twice, a split in
            some rows only, or not at least two labels; names the file and the row.
    """
    kept: list[tuple[str, Sample]] = []
    first: dict[str, Row] = {}
    for row in rows:
        _check_new(row, first, file)
        kept.append((row["label"], _sample(row, file)))
        _check_split(row, kept[0][1].split, kept[-1][1].split, file)
    labels = sorted({label for label, _ in kept}, key=_by_number if _are_numbers(kept) else _by_text)
    if len(labels) < 2:
        found = f"one label ({labels[0]!r})" if labels else "no rows"
        raise DataError(f"table {str(file)!r} has {found}, expected at least two different labels")
    number = {label: index for index, label in enumerate(labels)}
    samples = tuple(_labelled(sample, number[label]) for label, sample in kept)
    return Dataset(tuple(labels), samples, notes)


def _check_new(row: Row, first: dict[str, Row], file: Path) -> None:
    for column in REQUIRED:
        if not row[column]:
            raise _wrong(row, file, f"{column} is empty; expected one in every row")
    before = first.setdefault(row["path"], row)
    if before is row:
        return
    if before["label"] == row["label"]:
        raise _wrong(row, file, f"path {row['path']!r} is in {before.place} already; keep one of the two")
    raise _wrong(
        row,
        file,
        f"path {row['path']!r} is {row['label']!r} here and {before['label']!r} in {before.place}; expected one label "
        f"per image; {SEVERAL}",
    )


def _sample(row: Row, file: Path) -> Sample:
    return Sample(
        image=file.parent / row["path"],
        label=0,
        group=row["group"] or None,
        split=_split(row, file),
        weight=_weight(row, file),
        domain=row["domain"] or None,
    )


def _labelled(sample: Sample, label: int) -> Sample:
    # twice as fast as dataclasses.replace, which matters for a million rows
    return Sample(sample.image, label, sample.group, sample.split, sample.weight, domain=sample.domain)


def _split(row: Row, file: Path) -> SplitName | None:
    if not row["split"]:
        return None
    if row["split"].lower() not in SPLIT_NAMES:
        raise _wrong(row, file, f"split is {row['split']!r}; expected one of: {', '.join(SPLIT_NAMES)}")
    return SPLIT_NAMES[row["split"].lower()]


def _check_split(row: Row, first: SplitName | None, this: SplitName | None, file: Path) -> None:
    if (first is None) != (this is None):
        said = "no split, unlike the first one" if this is None else "a split, unlike the first one"
        raise _wrong(row, file, f"this row has {said}; expected a split in every row or in none")


def _weight(row: Row, file: Path) -> float:
    try:
        weight = float(row["weight"] or 1.0)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise _wrong(row, file, f"weight is {row['weight']!r}; expected a number above 0, such as 0.5")
    return weight


def _wrong(row: Row, file: Path, what: str) -> DataError:
    return DataError(f"table {str(file)!r}, {row.place}: {what}")


def _are_numbers(kept: list[tuple[str, Sample]]) -> bool:
    return all(label.isdecimal() and label.isascii() for label, _ in kept)


def _by_number(label: str) -> tuple[int, str]:
    return (int(label), label)


def _by_text(label: str) -> str:
    return label
