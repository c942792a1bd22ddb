"""Numbers as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgetl.report import numbers


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (None, "-"),
        (0, "0.000 ms"),
        (123_456, "0.123 ms"),
        (999_600, "1.00 ms"),
        (1_234_567, "1.23 ms"),
        (9_996_000, "10.0 ms"),
        (12_345_678, "12.3 ms"),
        (99_960_000, "100 ms"),
        (1_234_567_890, "1,235 ms"),
    ],
)
def test_milliseconds_have_three_digits(nanoseconds: int | None, shown: str) -> None:
    assert numbers.milliseconds(nanoseconds) == shown


@given(st.floats(min_value=1e3, max_value=1e15))
def test_milliseconds_are_off_by_less_than_a_hundredth(nanoseconds: float) -> None:
    shown = float(numbers.milliseconds(nanoseconds).removesuffix(" ms").replace(",", ""))
    assert shown == pytest.approx(nanoseconds / 1e6, rel=0.0051, abs=0.00051)


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (None, "-"),
        (0, "0.000 ms"),
        (0.25, "0.25 ns"),
        (67.4, "67.4 ns"),
        (999.4, "999 ns"),
        (999.6, "1.00 µs"),
        (12_345, "12.3 µs"),
        (99_949, "99.9 µs"),
        (99_951, "0.100 ms"),
        (1_234_567, "1.23 ms"),
    ],
)
def test_short_durations_keep_three_digits(nanoseconds: float | None, shown: str) -> None:
    assert numbers.duration(nanoseconds) == shown


@given(st.floats(min_value=1, max_value=1e15))
def test_durations_are_off_by_less_than_a_hundredth(nanoseconds: float) -> None:
    value, unit = numbers.duration(nanoseconds).replace(",", "").split()
    assert float(value) * {"ns": 1, "µs": 1e3, "ms": 1e6}[unit] == pytest.approx(nanoseconds, rel=0.0051)


def test_rates_are_never_powers_of_ten() -> None:
    assert [numbers.rate(one) for one in (None, 1.23456, 322.58, 9999.4, 12345.6)] == [
        *("-", "1.235 / s", "322.6 / s", "9999 / s", "12,346 / s")
    ]


def test_megabytes_are_millions_of_bytes() -> None:
    assert numbers.megabytes(13_591_271) == "13.6 MB"


def test_percent_and_points() -> None:
    assert numbers.percent(0.8734) == "87.3 %"
    assert numbers.percent_interval((0.842, 0.899)) == "84.2 to 89.9 %"
    assert numbers.percent(None) == numbers.percent_interval(None) == "-"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.00512, "fraction", "0.51 %"),
        (3_100_000, "ns", "3.10 ms"),
        (67.0, "ns", "67 ns"),
        (4_100_000, "bytes", "4.10 MB"),
        (0.25, "", "0.25"),
        (2.0, "levels", "2 levels"),
        (None, "ns", "-"),
    ],
)
def test_quantity_is_shown_in_its_unit(value: float | None, unit: str, shown: str) -> None:
    assert numbers.quantity(value, unit) == shown


@pytest.mark.parametrize(("number", "shown"), [(0, "0 blocks"), (1, "1 block"), (1_200, "1,200 blocks")])
def test_counted_things_are_singular_where_there_is_one(number: int, shown: str) -> None:
    assert numbers.counted(number, "block") == shown


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (770_000_000, "0.77 GOP"),
        (12_345_000_000, "12.35 GOP"),
        (4_645_000, "4.64 MOP"),
        (96_000, "0.096 MOP"),
        (96, "96 OP"),
    ],
)
def test_operations_of_small_models_are_not_rounded_to_nothing(number: int, expected: str) -> None:
    assert numbers.operations(number) == expected
