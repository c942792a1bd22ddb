"""Tables in Parquet, through pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgetl.errors import DataError, MissingExtra
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.source.rows import OPTIONAL, REQUIRED, Row, check_columns, dataset_from_rows


def from_parquet(file: Path) -> Dataset:
    """A table with columns ``path``, ``label`` and optionally ``split``, ``weight``, ``group``, ``domain``.

    Cells are text, whole numbers, or (``weight`` only) any number; absent ones count as empty.

    Raises:
        MissingExtra: pyarrow is not installed.
        DataError: names the file and the row, of which the first is 1.
    """
    pyarrow = _pyarrow()
    try:
        with pyarrow.parquet.ParquetFile(file) as table:
            names = list(table.schema_arrow.names)
            notes = check_columns(names, file)
            used = [name for name in names if name in REQUIRED + OPTIONAL]
            return dataset_from_rows(_rows(table, used, file), file, notes)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"table {str(file)!r} cannot be read as Parquet ({error}); write it again") from error


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet  # large, and few sources need it
    except ImportError as error:
        raise MissingExtra("pyarrow", extra="parquet") from error
    return pyarrow


def _rows(table: Any, columns: list[str], file: Path) -> Iterator[Row]:
    number = 0
    for batch in table.iter_batches(columns=columns):
        for values in batch.to_pylist():
            number += 1
            place = f"row {number}"
            yield Row(place, {name: _text(value, name, place, file) for name, value in values.items()})


def _text(value: object, column: str, place: str, file: Path) -> str:
    if value is None or value != value:  # pandas writes NaN where nothing is
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) or (isinstance(value, float) and column == "weight"):
        return str(value)
    raise DataError(
        f"table {str(file)!r}, {place}: {column} is {value!r} ({type(value).__name__}), expected text or a whole number"
    )
