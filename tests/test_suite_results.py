"""What is quoted of suites was measured on the rows that are declared now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from suite_measure import judged
from suite_record import SCHEMA, Measured, RowRecord, Side, misfits, read_row, row_path, write_row
from suite_rows import Baseline, Row, read_suite, rows
from suites_page import EXAMPLE, section

from edgetl.environment import Cpu, Environment
from edgetl.errors import InputError
from edgetl.samples.comparison import Comparison

ROOT = Path(__file__).parent.parent
RESULTS, SUITES = ROOT / "benchmarks/results", ROOT / "benchmarks/suites"
SUITE = """
description = "One network."
runtimes = ["openvino"]
precisions = ["fp32", "bf16"]
threads = [1]

[[models]]
name = "net"
build = "resnet18"
"""
HARNESS = "c0de"
HERE = Environment("Linux", "6", "3", "1", Cpu("CPU", "x86_64", (), 2, 2), 1 << 34, None, None, {"onnxruntime": "1"})


def test_committed_rows_are_those_that_suites_declare() -> None:
    assert misfits(RESULTS, SUITES, ROOT) == ()


def test_commands_of_committed_rows_name_no_path_of_one_machine() -> None:
    commands = [msgspec.json.decode(path.read_bytes())["command"] for path in RESULTS.glob("*/*/*.json")]
    assert [one for one in commands if any(Path(word).is_absolute() for word in one.split())] == []


def test_committed_rows_quote_what_their_runs_concluded() -> None:
    made = [read_row(path) for path in sorted(RESULTS.glob("*/*/*.json"))]
    measured_ones = [(one.measured, one.result) for one in made if one.measured is not None and one.result is not None]
    assert measured_ones
    for quoted, result in measured_ones:
        assert quoted == judged(result, quoted.row.candidate, quoted.baseline.candidate)


@pytest.fixture
def suites(tmp_path: Path) -> Path:
    folder = tmp_path / "suites"
    folder.mkdir()
    (folder / "one.toml").write_text(SUITE)
    return folder


@pytest.fixture
def declared(suites: Path) -> tuple[Row, ...]:
    return rows(read_suite(suites / "one.toml"), "one")


def record(row: Row, measured: Measured | None, skipped: str | None = None) -> RowRecord:
    made = RowRecord(SCHEMA, row.suite, row.name, row.sha256, "ab", "python", "abc", HERE, measured, skipped)
    return msgspec.structs.replace(made, harness_sha256=HARNESS)


def measured(low: float | None = 0.4, high: float | None = 0.6) -> Measured:
    comparison = Comparison(0.5123, low, high, 0.01, (10, 10), 0.02, True, "faster")
    both = ("W-TURBO", "W-LOAD")
    return Measured(
        comparison,
        Side("openvino", "valid", ("W-MODES", *both)),
        Side("onnxruntime", "degraded", (*both, "W-NOISY")),
    )


@pytest.fixture
def results(tmp_path: Path, declared: tuple[Row, ...]) -> Path:
    first, second = declared
    write_row(row_path(tmp_path / "results/x86", first), record(first, measured()))
    write_row(row_path(tmp_path / "results/x86", second), record(second, None, "no bf16 here"))
    return tmp_path / "results"


def test_rows_that_are_declared_are_fine(results: Path, suites: Path) -> None:
    assert misfits(results, suites, ROOT) == ()


def _gone(suites: Path, results: Path) -> None:
    (suites / "one.toml").unlink()


def _renamed(suites: Path, results: Path) -> None:
    (suites / "one.toml").write_text(SUITE.replace('"net"', '"other"'))


def _longer(suites: Path, results: Path) -> None:
    (suites / "one.toml").write_text('effort = "standard"\n' + SUITE)


def _moved(suites: Path, results: Path) -> None:
    for path in results.glob("*/*/*.json"):
        path.rename(path.with_stem(f"{path.stem}-copy"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_gone, "no suite declares this row", id="suite is gone"),
        pytest.param(_renamed, "no suite declares this row", id="model was renamed"),
        pytest.param(_longer, "declares it otherwise now", id="effort was changed"),
        pytest.param(_moved, "holds row 'net-openvino", id="file was renamed"),
    ],
)
def test_rows_that_are_no_longer_declared_are_told(
    change: Callable[[Path, Path], None], said: str, suites: Path, results: Path
) -> None:
    change(suites, results)
    found = misfits(results, suites, ROOT)
    assert len(found) == 2
    assert all(said in sentence and sentence.endswith("take it away or measure again") for sentence in found)


def test_damaged_row_is_named(results: Path, suites: Path) -> None:
    (results / "x86/one/damaged.json").write_text("{")
    with pytest.raises(InputError, match=r"damaged\.json"):
        misfits(results, suites, ROOT)
    with pytest.raises(InputError, match=r"damaged\.json"):
        section(results, suites, HARNESS)


def test_page_has_a_table_with_ratio_interval_verdict_and_codes(results: Path, suites: Path) -> None:
    page = section(results, suites, HARNESS)
    assert "### one\n\nOne network.\n" in page
    assert "Target `x86`: CPU, 2 CPUs (no extensions known), onnxruntime 1.\n" in page
    codes = "W-TURBO, W-LOAD, W-MODES (row), W-NOISY (baseline)"
    assert f"| `net-openvino-fp32-1t` | 0.512 | 0.400 to 0.600 | faster | degraded | {codes} |\n" in page
    assert "| `net-openvino-bf16-1t` |   |   | skipped: no bf16 here |   |   |\n" in page


def test_unknown_interval_is_called_unknown(results: Path, suites: Path, declared: tuple[Row, ...]) -> None:
    write_row(row_path(results / "x86", declared[0]), record(declared[0], measured(None, None)))
    assert "| 0.512 | unknown | faster |" in section(results, suites, HARNESS)


def test_rows_of_two_machines_stand_in_two_tables(results: Path, suites: Path, declared: tuple[Row, ...]) -> None:
    other = msgspec.structs.replace(HERE, runtimes={"onnxruntime": "2"})
    moved = msgspec.structs.replace(record(declared[0], measured()), environment=other)
    write_row(row_path(results / "x86", declared[0]), moved)
    page = section(results, suites, HARNESS)
    assert page.count("| row | ratio |") == 2
    assert "onnxruntime 2.\n" in page


@pytest.mark.parametrize("older", ["b0de", None], ids=["other code", "a file that does not say"])
def test_rows_of_an_older_harness_are_marked(
    older: str | None, results: Path, suites: Path, declared: tuple[Row, ...]
) -> None:
    assert "†" not in section(results, suites, HARNESS)
    of_then = msgspec.structs.replace(record(declared[0], measured()), harness_sha256=older)
    write_row(row_path(results / "x86", declared[0]), of_then)
    page = section(results, suites, HARNESS)
    assert "Rows with a † were measured by an older harness" in page
    assert [line.split("|")[1].strip() for line in page.splitlines() if "†" in line and "|" in line] == [
        "`net-openvino-fp32-1t` †"
    ]


def test_example_on_the_page_is_a_suite_whose_baseline_is_the_default(tmp_path: Path) -> None:
    (tmp_path / "example.toml").write_text(EXAMPLE)
    example = read_suite(tmp_path / "example.toml")
    assert example.baseline == Baseline()
    assert rows(example, "example")


def test_suite_without_rows_says_so(suites: Path, tmp_path: Path) -> None:
    assert "### one\n\nOne network.\n\nNo row is committed yet.\n" in section(tmp_path / "absent", suites, HARNESS)


def test_row_of_another_schema_is_refused(results: Path, suites: Path) -> None:
    path = next(results.glob("*/*/*.json"))
    path.write_text(path.read_text().replace("benchmark-row/1", "benchmark-row/9"))
    with pytest.raises(InputError, match=r"has schema 'edgetl\.benchmark-row/9'"):
        section(results, suites, HARNESS)
