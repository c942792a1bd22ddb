"""Parsers of small files: any text gives a value or nothing, never an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.probe.jetson import jetpack, parse_query, parse_release
from edgetl.device.probe.tree import cpu_list, number, numbers, read, whole
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
    assert (read(tmp_path), read(tmp_path / "none"), number(tmp_path)) == (None, None, None)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("R32.7.1", "4.x"),
        ("R35.4.1", "5.x"),
        ("R36.4.3", "6.x"),
        ("R38.4.0", "7.0/7.1"),
        ("R39.2", "7.2"),
        ("R99.1", None),
    ],
)
def test_jetpack_follows_from_the_release(release: str, expected: str | None) -> None:
    line = f"# {release.partition('.')[0]} (release), REVISION: {release.partition('.')[2]}, GCID: 4, BOARD: generic\n"
    assert parse_release(line) == release
    assert jetpack(release) == expected


@FEW
@given(st.text(alphabet="# R36(release),REVISION:4.\n", max_size=40))
def test_any_text_is_a_release_or_none(text: str) -> None:
    release = parse_release(text)
    assert release is None or release.startswith("R")


@FEW
@given(
    name=st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True),
    mode=st.integers(0, 99),
    before=st.sampled_from(["", "NVPM WARN: fan\n"]),
)
def test_the_power_mode_is_read_from_the_query(name: str, mode: int, before: str) -> None:
    assert parse_query(f"{before}NV Power Mode: {name}\n{mode}\n") == f"{name} ({mode})"


@pytest.mark.parametrize("text", ["", "NV Power Mode:\n", "NV Power Mode: MAXN\n", "NV Power Mode: MAXN\nfive\n"])
def test_half_an_answer_is_no_power_mode(text: str) -> None:
    assert parse_query(text) is None
