"""Pages on terminals and in pipes."""

from __future__ import annotations

import io

import pytest

from edgetl.cli.tables import render
from edgetl.report.page import Column, Page, Table


def shown(*cells: str, numbers: int) -> list[str]:
    """A table of one row whose last columns are numbers, as lines."""
    columns = tuple(
        Column(f"c{place}", "right" if place >= len(cells) - numbers else "left") for place in range(len(cells))
    )
    stream = io.StringIO()
    render(Page("", tables=(Table("", columns, (cells,)),)), stream)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("length", [10, 30, 36, 37, 60])
def test_no_character_is_lost_where_there_is_little_room(length: int) -> None:
    name = "".join(chr(ord("a") + place % 26) for place in range(length))
    numbers = ("6.50 ms", "7.14 ms", "1.100 x", "1.097 to 1.102", "< 0.001", "12,345,678")
    lines = shown(name, *numbers, numbers=len(numbers))
    below = next(place for place, line in enumerate(lines) if "─" in line) + 1
    assert "".join(line.split("  ")[0].strip() for line in lines[below:]) == name
    assert all(any(number in line for line in lines) for number in numbers)


def test_name_stays_whole_where_there_is_room() -> None:
    name = "solar.edgetl/fp32/openvino/fp32/2t"
    assert any(line.startswith(f"{name} ") for line in shown(name, "6.50 ms", numbers=1))
