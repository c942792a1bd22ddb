"""A suite: models x runtimes x precisions x threads, each row beside a baseline in one run; goes on where it stopped.

    python benchmarks/suite.py benchmarks/suites/families.toml
    python benchmarks/suite.py benchmarks/suites/families.toml --only resnet18-openvino-bf16-2t -o build/rows

Writes one file per row, ``FOLDER/SUITE/ROW.json``, whole or not at all. A row whose file is there is left as it is when
it was made of the same declaration and model, by the same code around the runtimes, on the same machine with the same
runtimes. What this machine cannot run is recorded as skipped, with the reason; of a model that is not to be had nothing
is written, and the exit code tells.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import record
from suite_measure import Bench, Source, unavailable
from suite_record import SCHEMA, Measured, RowRecord, read_row, row_path, write_row
from suite_rows import ROOT, Row, read_suite, rows

from edgetl.device.bench.harness import harness_sha256
from edgetl.device.probe import INT8_DOT, X86, environment
from edgetl.environment import Cpu, Environment
from edgetl.errors import BackendError, EdgeTLError, InputError, MissingExtra, Unsupported
from edgetl.progress import Silent
from edgetl.result import Result

Done = Literal["kept", "measured", "skipped"]


@dataclass(frozen=True)
class SuiteRun:
    """Where rows are measured, and how."""

    out: Path
    """Folder of a target."""
    command: Callable[[Row], str]
    """What measures one row again."""
    commit: str | None
    harness_sha256: str
    here: Environment
    unavailable: Callable[[Row, Environment], str | None]
    source: Callable[[Row], Source]
    measured: Callable[[Row, Source], tuple[Measured, Result]]

    def row(self, row: Row) -> tuple[Done, RowRecord]:
        """Measure a row, unless its file still fits.

        Raises:
            EdgeTLError: the model is not to be had; nothing is written then.
        """
        reason = self.unavailable(row, self.here)
        source = None if reason else self.source(row)
        made = self._unmeasured(row, None if source is None else source.identity.sha256, reason)
        path = row_path(self.out, row)
        if (kept := _readable(path)) is not None and kept.fits(made):
            return "kept", kept
        if source is not None:
            try:
                measured, result = self.measured(row, source)
                made = msgspec.structs.replace(made, measured=measured, result=result)
            except (BackendError, MissingExtra, Unsupported) as error:
                made = msgspec.structs.replace(made, skipped=str(error))
        write_row(path, made)
        return ("skipped" if made.measured is None else "measured"), made

    def _unmeasured(self, row: Row, model_sha256: str | None, skipped: str | None) -> RowRecord:
        return RowRecord(
            schema=SCHEMA,
            suite=row.suite,
            row=row.name,
            declaration_sha256=row.sha256,
            model_sha256=model_sha256,
            command=self.command(row),
            commit=self.commit,
            environment=self.here,
            measured=None,
            skipped=skipped,
            harness_sha256=self.harness_sha256,
        )


def run_rows(run: SuiteRun, wanted: Sequence[Row]) -> int:
    """Every row, whatever becomes of the others; the exit code, of the first that failed."""
    code = 0
    for row in wanted:
        try:
            print(told(*run.row(row)), flush=True)
        except EdgeTLError as error:
            print(f"{row.name}: failed, {error}", file=sys.stderr, flush=True)
            code = code or error.exit_code
    return code


def chosen(declared: Sequence[Row], only: Sequence[str] | None) -> tuple[Row, ...]:
    """The rows of these names, or all.

    Raises:
        InputError: there is no such row.
    """
    names = [row.name for row in declared]
    for name in only or ():
        if name not in names:
            raise InputError(f"the suite has no row {name!r}; it has {', '.join(names)}")
    return tuple(row for row in declared if only is None or row.name in only)


def target_of(cpu: Cpu) -> str:
    """The folder of results: what decides which kernels there are."""
    if cpu.architecture not in X86:
        return cpu.architecture
    if INT8_DOT & set(cpu.isa):
        return "x86-vnni"
    return next((f"x86-{name}" for name in ("avx512f", "avx2") if name in cpu.isa), "x86")


def told(done: Done, made: RowRecord) -> str:
    """A row in one line."""
    if made.measured is None:
        return f"{made.row}: {done}, {made.skipped}"
    compared = made.measured.comparison
    interval = "" if compared.low is None else f" ({compared.low:.3f} to {compared.high:.3f})"
    return f"{made.row}: {done}, {compared.ratio:.3f}{interval}, {compared.outcome}"


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("suite", type=Path)
    parser.add_argument("-o", type=Path, dest="out", help="folder of a target (default: of this machine)")
    parser.add_argument("--only", action="append", metavar="ROW", help="measure this row; may be given again")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"))
    arguments = parser.parse_args(words)
    here, bench = environment(), Bench(arguments.cache, Silent())
    suite = record.relative(str(arguments.suite.absolute()), ROOT)
    sources = functools.cache(bench.source)
    run = SuiteRun(
        out=arguments.out or ROOT / "benchmarks/results" / target_of(here.cpu),
        command=lambda row: f"python benchmarks/suite.py {suite} --only {row.name}",
        commit=record.commit(),
        harness_sha256=harness_sha256(),
        here=here,
        unavailable=unavailable,
        source=lambda row: sources(row.model),
        measured=bench.measured,
    )
    try:
        return run_rows(run, chosen(rows(read_suite(arguments.suite), arguments.suite.stem), arguments.only))
    except EdgeTLError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _readable(path: Path) -> RowRecord | None:
    try:
        return read_row(path)
    except InputError:
        return None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
