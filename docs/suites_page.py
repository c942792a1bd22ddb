"""One table per suite, from the row files that benchmarks/suite.py wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from machines import machine

from edgetl.environment import Environment
from edgetl.errors import InputError
from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table
from edgetl.samples.comparison import Comparison

SCHEMA = "edgetl.benchmark-row/1"
EXAMPLE = """description = "One sentence that stands above the table."
effort = "quick"                       # or standard, rigorous, sustained
runtimes = ["onnxruntime", "openvino"]
precisions = ["fp32", "bf16", "int8"]  # int8 is for quantized variants, the others for float graphs
threads = [1, 2]

[baseline]                             # may be left out; these are its defaults, with as many threads as the row
runtime = "onnxruntime"
precision = "fp32"

[[models]]
name = "mobilenet"
build = "mobilenetv3-small"            # one of suite_models.py; or onnx = "FILE"

[[models]]
name = "cells"
recipe = "models/solar-cells"          # a bundle that is prepared first; or bundle = "FILE"
variants = ["fp32", "int8-x86-vnni"]
"""
INTRODUCTION = f"""## Suites

A suite is a file in [suites](suites): models x runtimes x precisions x threads. `python benchmarks/suite.py SUITE.toml`
times every row in turn with its baseline, writes a file for each, and goes on where it stopped. A ratio below 1 is
faster than the baseline; its interval is a 95 % one of a bootstrap over blocks. Codes are explained in
[docs/benchmarking.md](../docs/benchmarking.md). A row that a machine cannot run is recorded as skipped; one that would
be its own baseline does not exist. A row is measured again when its declaration, its model, the machine, a runtime or
the code that runs and times an inference is another; what older code measured is marked.

```toml
{EXAMPLE}```
"""
_OLDER = (
    "Rows with a † were measured by an older harness: code that runs or times an inference has changed since, so they "
    "may come out otherwise now."
)
_VERDICTS = ("valid", "degraded", "invalid")


class Side(msgspec.Struct, frozen=True):
    """The row or its baseline."""

    candidate: str
    verdict: str
    codes: tuple[str, ...]


class Measured(msgspec.Struct, frozen=True):
    """What is quoted."""

    comparison: Comparison
    row: Side
    baseline: Side


class Row(msgspec.Struct, frozen=True):
    """What a page needs of a row's file."""

    schema: str
    suite: str
    row: str
    environment: Environment
    measured: Measured | None
    skipped: str | None
    harness_sha256: str | None = None


def section(results: Path, suites: Path, harness_sha256: str) -> str:
    """The section on suites, with a table for every suite, target and machine that has rows.

    Args:
        results: a folder of targets.
        suites: the folder of suite files, whose descriptions stand above their tables.
        harness_sha256: of the code of now; rows that other code measured are marked.

    Raises:
        InputError: a file is damaged or of another schema.
    """
    parts = [INTRODUCTION]
    for path in sorted(suites.glob("*.toml")):
        description = msgspec.toml.decode(path.read_bytes())["description"]
        parts.append(f"### {path.stem}\n\n{description}\n")
        tables = [
            table
            for folder in sorted(results.glob(f"*/{path.stem}"))
            for table in _tables(folder.parent.name, _rows(folder), harness_sha256)
        ]
        parts += tables or ["No row is committed yet.\n"]
    return "\n".join(parts)


def _rows(folder: Path) -> list[Row]:
    return [_read(file) for file in sorted(folder.glob("*.json"))]


def _tables(target: str, rows: Sequence[Row], harness_sha256: str) -> list[str]:
    """One per machine."""
    columns = (Column("row"), Column("ratio", "right"), *map(Column, ("95 % interval", "outcome", "verdict", "codes")))
    tables = []
    for one in dict.fromkeys(machine(row.environment) for row in rows):
        own = [row for row in rows if machine(row.environment) == one]
        is_older = [row.measured is not None and row.harness_sha256 != harness_sha256 for row in own]
        said = f"Target `{target}`: {one}." + (f" {_OLDER}" if any(is_older) else "")
        lines = tuple(_line(row, " †" if older else "") for row, older in zip(own, is_older, strict=True))
        tables.append(f"{said}\n\n{table_rows(Table(target, columns, lines))}\n")
    return tables


def _line(row: Row, mark: str) -> tuple[str, ...]:
    if row.measured is None:
        return f"`{row.row}`", "", "", f"skipped: {row.skipped}", "", ""
    found, sides = row.measured.comparison, (row.measured.row, row.measured.baseline)
    interval = "unknown" if found.low is None or found.high is None else f"{found.low:.3f} to {found.high:.3f}"
    worst = max((side.verdict for side in sides), key=_VERDICTS.index)
    return f"`{row.row}`{mark}", f"{found.ratio:.3f}", interval, found.outcome, worst, _codes(*sides)


def _codes(row: Side, baseline: Side) -> str:
    """Of both; of only one with which."""
    shared = [code for code in row.codes if code in baseline.codes]
    own = [f"{code} (row)" for code in row.codes if code not in shared]
    other = [f"{code} (baseline)" for code in baseline.codes if code not in shared]
    return ", ".join([*shared, *own, *other])


def _read(path: Path) -> Row:
    try:
        row = msgspec.json.decode(path.read_bytes(), type=Row)
    except msgspec.DecodeError as error:
        raise InputError(f"row {str(path)!r} is not of schema {SCHEMA!r}: {error}; measure it again") from error
    if row.schema != SCHEMA:
        raise InputError(f"row {str(path)!r} has schema {row.schema!r}, expected {SCHEMA!r}; measure it again")
    return row
