"""Tables in text: CSV, and the kinds with tabs or semicolons that spreadsheets write."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.source.rows import REQUIRED, Row, check_columns, dataset_from_rows

_DELIMITERS = (",", ";", "\t")


def from_csv(file: Path) -> Dataset:
    """A table with columns ``path``, ``label`` and optionally ``split``, ``weight``, ``group``, ``domain``.

    UTF-8, with or without a byte order mark. The delimiter is the one of comma, semicolon and tab that makes a
    ``path`` and a ``label`` of the first line; quoting is that of RFC 4180 (2005).

    Raises:
        DataError: names the file and the line.
    """
    text = _text(file)
    head = text.partition("\n")[0]
    delimiter = next((one for one in _DELIMITERS if set(REQUIRED) <= set(_cells(head, one))), ",")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        notes = check_columns(columns, file)
        return dataset_from_rows(_rows(reader, columns, file), file, notes)
    except csv.Error as error:
        raise DataError(
            f"table {str(file)!r}, line {reader.line_num}: {error}; expected CSV with quotes around cells that hold "
            "the delimiter, a quote or a line break"
        ) from error


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(f"table {str(file)!r} cannot be read ({error.strerror}); check its path and rights") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"table {str(file)!r}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the table as UTF-8"
        ) from error


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


def _rows(reader: Iterator[list[str]], columns: list[str], file: Path) -> Iterator[Row]:
    end = 1
    for cells in reader:
        # a quoted cell may span lines; the row is named by its first
        start, end = end + 1, reader.line_num  # type: ignore[attr-defined]
        if not cells:
            continue
        if len(cells) != len(columns):
            raise DataError(
                f"table {str(file)!r}, line {start}: {len(cells)} cells, expected {len(columns)} as in the first line; "
                "put quotes around cells that hold the delimiter"
            )
        yield Row(f"line {start}", {name: cell.strip() for name, cell in zip(columns, cells, strict=True)})
