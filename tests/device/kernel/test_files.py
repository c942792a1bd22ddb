"""Parsers of small files: any text gives a value or nothing, never an error."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.kernel.files import by_number, cpu_list, number, numbers, quantity, read, whole
from edgetl.machine_state import cpu_ranges

FEW = settings(max_examples=50, deadline=None)
CPUS = st.sets(st.integers(0, 1023), max_size=12).map(sorted).map(tuple)


@FEW
@given(CPUS)
def test_a_list_of_cpus_is_read_as_it_is_written(cpus: tuple[int, ...]) -> None:
    assert cpu_list(cpu_ranges(cpus)) == cpus


@FEW
@given(st.text(alphabet="0123456789-, x\n²٣", max_size=12))
def test_any_text_is_a_list_of_cpus_or_none(text: str) -> None:
    cpus = cpu_list(text)
    assert cpus == tuple(sorted(set(cpus)))


@pytest.mark.parametrize("text", ["", "3-1", "0-99999999999", "1,", "a-b", "-1"])
def test_what_is_no_list_of_cpus_is_unknown(text: str) -> None:
    assert cpu_list(text) == ()


@FEW
@given(st.text(max_size=30))
def test_any_text_is_a_table_of_numbers(text: str) -> None:
    assert all(value >= 0 for value in numbers(text).values())


def test_the_first_of_two_lines_counts_and_others_are_left_out() -> None:
    assert numbers("a 1\nb: 2 kB\nb: 3\nc\nd -1\ne 1.5\n\n") == {"a": 1, "b": 2}


@FEW
@given(st.integers(0, 10**15 - 1))
def test_whole_numbers_are_read(value: int) -> None:
    assert whole(str(value)) == value


@pytest.mark.parametrize("text", ["", "-1", "1_0", "²", "1 ", "0x5", "max", "9223372036854771712", None])
def test_what_is_no_whole_number_is_unknown(text: str | None) -> None:
    assert whole(text) is None


def test_a_folder_and_a_missing_file_are_unknown(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        assert (read(path), number(path), quantity(path)) == (None, None, None)


def test_white_space_and_zero_bytes_around_a_text_are_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\0 NVIDIA Jetson\t\r\n\0")
    assert read(path) == "NVIDIA Jetson"
    path.write_bytes(b" \0\n")
    assert read(path) is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1250\n", 1.25),
        ("-40\n", -0.04),
        ("\0 7\0", 0.007),
        ("", None),
        ("-", None),
        ("--4", None),
        ("1.5", None),
        ("1_0", None),
        ("nan", None),
        ("<busy>", None),
    ],
)
def test_a_reading_may_be_below_zero_and_is_divided(tmp_path: Path, content: str, expected: float | None) -> None:
    (tmp_path / "file").write_text(content)
    assert quantity(tmp_path / "file", per_unit=1000) == expected


@FEW
@given(st.one_of(st.binary(max_size=30), st.integers().map(lambda value: str(value).encode())))
def test_any_content_is_a_finite_reading_or_unknown(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        found = quantity(path, per_unit=1000)
    assert found is None or abs(found) < float("inf")


def test_numbers_in_names_are_in_order() -> None:
    names = ["cpu10", "cpu2", "cpu0", "2-0041", "1-0040"]
    assert [path.name for path in by_number(map(Path, names))] == ["cpu0", "1-0040", "cpu2", "2-0041", "cpu10"]
