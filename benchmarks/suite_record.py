"""One row as a file: the ratio, what speaks against it, and the samples it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
from suite_rows import Row, read_suite, rows

from edgetl.environment import Environment
from edgetl.errors import InputError
from edgetl.files import write_bytes
from edgetl.result import CandidateResult, Latency, Result
from edgetl.samples.comparison import Comparison
from edgetl.validity import Verdict

SCHEMA: Final = "edgetl.benchmark-row/1"
BYTES_MAX = 200_000


class Side(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The row or its baseline, and whether its numbers may be believed."""

    candidate: str
    """Its name in the result."""
    verdict: Verdict
    codes: tuple[str, ...]


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is quoted."""

    comparison: Comparison
    """Of the row's latency with the baseline's, in one run; below 1 the row is faster."""
    row: Side
    baseline: Side


class RowRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row that was measured, or skipped for a reason."""

    schema: Literal["edgetl.benchmark-row/1"]
    suite: str
    row: str
    declaration_sha256: str
    model_sha256: str | None
    """Of the ONNX file or the bundle; ``None`` where the row was skipped before there was one."""
    command: str
    commit: str | None
    environment: Environment
    measured: Measured | None
    skipped: str | None
    """Why there are no numbers."""
    kept_every: int = 1
    """One of so many samples is in the file; the comparison was made with all."""
    result: Result | None = None
    harness_sha256: str | None = None
    """Of the code that ran and timed inferences (:mod:`edgetl.device.bench.harness`); ``None`` in older files, which do
    not say."""

    def fits(self, now: RowRecord) -> bool:
        """Whether a measurement of ``now`` would be of the same: declaration, model, machine and harness."""
        return self._of() == now._of()

    def _of(self) -> tuple[str | None, ...]:
        declared = self.suite, self.row, self.declaration_sha256
        return (*declared, self.model_sha256, self.environment.fingerprint, self.harness_sha256)


def row_path(folder: Path, row: Row) -> Path:
    """Where a row's file is below the results of a target."""
    return folder / row.suite / f"{row.name}.json"


def read_row(path: Path) -> RowRecord:
    """Read a row's file.

    Raises:
        InputError: missing, damaged, or of another schema.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=RowRecord)
    except OSError as error:
        raise InputError(f"cannot read row {str(path)!r} ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} is not a row of schema {SCHEMA!r}: {error}; measure it again") from error


def write_row(path: Path, record: RowRecord) -> None:
    """Write it whole or not at all, with as many samples as fit into :data:`BYTES_MAX`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data, longest = _encoded(record), _longest_block(record)
    while len(data) > BYTES_MAX and record.kept_every < longest:
        record = msgspec.structs.replace(record, kept_every=2 * record.kept_every)
        data = _encoded(record)
    write_bytes(path, data)


def misfits(results: Path, suites: Path, root: Path) -> tuple[str, ...]:
    """What is wrong with the row files of all targets, one sentence each.

    Args:
        results: a folder of targets.
        suites: the folder of suite files.
        root: what paths in suites start from.

    Raises:
        InputError: a suite or a row's file cannot be read.
    """
    declared = {path.stem: {row.name: row for row in rows(read_suite(path), path.stem, root)} for path in _in(suites)}
    said = ((path, _misfit(path, declared)) for path in sorted(results.glob("*/*/*.json")))
    return tuple(
        f"{path.relative_to(results)}: {reason}; take it away or measure again" for path, reason in said if reason
    )


def _in(suites: Path) -> list[Path]:
    return sorted(suites.glob("*.toml"))


def _misfit(path: Path, declared: Mapping[str, Mapping[str, Row]]) -> str | None:
    record = read_row(path)
    if (record.suite, f"{record.row}.json") != (path.parent.name, path.name):
        return f"holds row {record.row!r} of suite {record.suite!r}"
    row = declared.get(record.suite, {}).get(record.row)
    if row is None:
        return "no suite declares this row"
    return None if record.declaration_sha256 == row.sha256 else "the suite, or the recipe, declares it otherwise now"


def _encoded(record: RowRecord) -> bytes:
    result = record.result
    if result is not None and record.kept_every > 1:
        kept = tuple(_thinned(one, record.kept_every) for one in result.candidates)
        record = msgspec.structs.replace(record, result=msgspec.structs.replace(result, candidates=kept))
    return msgspec.json.format(msgspec.json.encode(record), indent=0) + b"\n"


def _thinned(candidate: CandidateResult, every: int) -> CandidateResult:
    if candidate.latency is None:
        return candidate
    return msgspec.structs.replace(candidate, latency=_kept(candidate.latency, every))


def _kept(latency: Latency, every: int) -> Latency:
    """The first of every few samples of each block, so that blocks stay what they were."""
    samples: list[int] = []
    blocks: list[int] = []
    start = 0
    for length in latency.blocks:
        block = latency.samples_ns[start : start + length : every]
        samples += block
        blocks.append(len(block))
        start += length
    return msgspec.structs.replace(latency, samples_ns=tuple(samples), blocks=tuple(blocks))


def _longest_block(record: RowRecord) -> int:
    candidates = () if record.result is None else record.result.candidates
    return max((length for one in candidates if one.latency for length in one.latency.blocks), default=1)
