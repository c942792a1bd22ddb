from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.sensors.sysfs import by_number, read_number, read_text


@pytest.mark.parametrize(
    ("content", "number"),
    [("1250\n", 1.25), ("-40\n", -0.04), ("\0 7\0", 0.007), ("", None), ("1.5", None), ("nan", None), ("<busy>", None)],
)
def test_number_is_divided_or_unknown(tmp_path: Path, content: str, number: float | None) -> None:
    (tmp_path / "file").write_text(content)
    assert read_number(tmp_path / "file", per_unit=1000) == number


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    assert read_text(tmp_path) is None
    assert read_text(tmp_path / "none") is None
    assert read_number(tmp_path / "none") is None


def test_numbers_in_names_are_in_order() -> None:
    names = ["cpu10", "cpu2", "cpu0", "2-0041", "1-0040"]
    assert [path.name for path in by_number(map(Path, names))] == ["cpu0", "1-0040", "cpu2", "2-0041", "cpu10"]


@settings(max_examples=50, deadline=None)
@given(st.one_of(st.binary(max_size=30), st.integers().map(lambda value: str(value).encode())))
def test_any_content_is_a_finite_number_or_unknown(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(content)
        number = read_number(path, per_unit=1000)
    assert number is None or abs(number) < float("inf")
