from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.bench.energy import MIN_READINGS, energy, tells_power
from edgetl.telemetry import Channel, Energy, Quantity, Series, Telemetry

SECOND = 1_000_000_000
IDLE, ACTIVE = (0, 5 * SECOND), ((5 * SECOND, 15 * SECOND),)


def series(
    name: str, value: Callable[[float], float | None], quantity: Quantity = "power", sensor: str = "ina3221"
) -> Series:
    """Twice a second for 15 s; ``value`` takes seconds."""
    times_s = [0.25 + at / 2 for at in range(30)]
    channel = Channel(sensor, name, quantity, is_total=True)
    return Series(channel, tuple(round(at * SECOND) for at in times_s), tuple(value(at) for at in times_s))


def telemetry(*all_series: Series) -> Telemetry:
    return Telemetry(SECOND // 2, all_series)


def step(at_s: float) -> float:
    return 3.0 if at_s < 5 else 8.0


def test_energy_is_gross_and_net_of_idle() -> None:
    found = energy(telemetry(series("VDD_IN", step)), IDLE, ACTIVE, items=200)
    assert found == Energy(
        source="ina3221: VDD_IN",
        idle_w=pytest.approx(3.0),
        active_w=pytest.approx(8.0),
        per_inference_j=pytest.approx(0.4),
        net_per_inference_j=pytest.approx(0.25),
        readings=20,
        windows_ns=ACTIVE,
        items=200,
    )


def test_power_is_integrated_by_trapezoids() -> None:
    # readings close together must not count for more time than they cover
    times_s = (5.0, 6.0, 6.1, 6.2, 6.3, 15.0)
    power_w = (10.0, 10.0, 30.0, 30.0, 10.0, 10.0)
    uneven = Series(Channel("x", "VIN", "power", True), tuple(round(t * SECOND) for t in times_s), power_w)
    area = 1 * 10 + 0.1 * 20 + 0.1 * 30 + 0.1 * 20 + 8.7 * 10
    found = energy(telemetry(uneven), None, ACTIVE, items=10)
    assert found.per_inference_j == pytest.approx(area / 10)


def test_counters_count_by_their_difference() -> None:
    # what lies between the readings counts too, whatever power there was
    counter = series("package-0", lambda at: 2.0 * min(at, 5) + 20.0 * max(0, at - 5), "energy", "rapl")
    other = series("package-1", lambda at: at, "energy", "rapl")
    found = energy(telemetry(counter, other), IDLE, ACTIVE, items=100)
    assert found.source == "rapl: package-0 + package-1"
    assert found.idle_w == pytest.approx(3.0)
    assert found.active_w == pytest.approx(21.0)
    assert found.per_inference_j == pytest.approx(2.1)


def test_rails_that_add_up_are_summed_where_all_were_read() -> None:
    first = series("VDD_GPU_SOC", lambda at: 4.0)
    second = series("VDD_CPU_CV", lambda at: None if 7 < at < 8 else 2.0)
    found = energy(telemetry(first, second), IDLE, ACTIVE, items=10)
    assert found.active_w == pytest.approx(6.0)
    assert found.readings == 18


def test_the_first_sensor_counts_and_other_rails_do_not() -> None:
    part = Series(Channel("ina3221", "VDD_GPU", "power"), (1, 2), (99.0, 99.0))
    found = energy(
        telemetry(part, series("VIN", step, sensor="ina238"), series("package-0", step, "energy", "rapl")),
        IDLE,
        ACTIVE,
        items=10,
    )
    assert found.source == "ina238: VIN"
    assert found.active_w == pytest.approx(8.0)


def test_unknown_is_none_with_a_reason_when_no_sensor_tells_a_total() -> None:
    part = Series(Channel("nvml", "gpu0", "power"), (1, 2), (99.0, 99.0))
    assert energy(telemetry(part), IDLE, ACTIVE, 10) == Energy(
        None, None, None, None, None, 0, "no sensor tells what the whole device draws"
    )


@pytest.mark.parametrize("readings", range(MIN_READINGS + 1))
def test_few_readings_are_not_enough(readings: int) -> None:
    times = tuple(ACTIVE[0][0] + at * 10 * SECOND // max(readings - 1, 1) for at in range(readings))
    few = Series(Channel("ina3221", "VDD_IN", "power", True), times, (8.0,) * readings)
    found = energy(telemetry(few), None, ACTIVE, 10)
    assert found.readings == readings
    assert (found.per_inference_j is None) == (readings < MIN_READINGS)
    if readings < MIN_READINGS:
        assert found.reason == f"while inferences ran, there were {readings} power readings; 5 are needed"


def test_readings_that_stop_early_are_not_enough() -> None:
    died = series("VDD_IN", lambda at: 8.0 if at < 12 else None)
    found = energy(telemetry(died), IDLE, ACTIVE, 10)
    assert found.per_inference_j is None
    assert found.idle_w is None
    assert found.reason == "while inferences ran, power readings span 65 % of the time; 75 % are needed"


def test_gross_is_told_when_idle_is_unknown() -> None:
    only_active = series("VDD_IN", lambda at: None if at < 5 else 8.0)
    found = energy(telemetry(only_active), IDLE, ACTIVE, 100)
    assert found.per_inference_j == pytest.approx(0.8)
    assert (found.idle_w, found.net_per_inference_j) == (None, None)
    assert found.reason == "no net energy: there were 0 power readings; 5 are needed"
    assert energy(telemetry(only_active), None, ACTIVE, 100).reason == "no net energy: idle power was not measured"


def test_no_inference_has_no_energy() -> None:
    found = energy(telemetry(series("VDD_IN", step)), IDLE, ACTIVE, 0)
    assert (found.active_w, found.per_inference_j) == (pytest.approx(8.0), None)
    assert found.reason == "no inference ended in that time"


def test_windows_count_by_their_length() -> None:
    warmer = series("VDD_IN", lambda at: 3.0 if at < 5 else 6.0 if at < 9 else 9.0)
    windows = ((5 * SECOND, 9 * SECOND), (9 * SECOND, 15 * SECOND))
    found = energy(telemetry(warmer), IDLE, windows, items=100)
    assert found.active_w == pytest.approx((4 * 6 + 6 * 9) / 10)
    assert found.per_inference_j == pytest.approx((4 * 6 + 6 * 9) / 100)
    assert (found.readings, found.windows_ns, found.items) == (20, windows, 100)


def test_one_unknown_window_makes_energy_unknown() -> None:
    short = ((5 * SECOND, 10 * SECOND), (10 * SECOND, 11 * SECOND))
    found = energy(telemetry(series("VDD_IN", step)), IDLE, short, items=100)
    assert (found.active_w, found.per_inference_j) == (None, None)
    assert found.reason == "while inferences ran, there were 2 power readings; 5 are needed"


def test_without_a_window_energy_is_unknown_with_a_reason() -> None:
    found = energy(telemetry(series("VDD_IN", step)), None, (), items=0)
    assert found.per_inference_j is None
    assert "no power was told when measuring began" in (found.reason or "")


def test_power_is_told_once_the_total_has_a_value() -> None:
    assert tells_power(telemetry(series("VDD_IN", step)))
    assert not tells_power(telemetry(series("VDD_IN", lambda at: None)))
    assert not tells_power(telemetry(Series(Channel("nvml", "gpu0", "power"), (1,), (9.0,))))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-5, 200)), min_size=30, max_size=30), st.integers(1, 10**6))
def test_mean_power_lies_within_what_was_read(values: Sequence[float | None], inferences: int) -> None:
    drawn = iter(values)
    found = energy(telemetry(series("VDD_IN", lambda at: next(drawn))), IDLE, ACTIVE, inferences)
    read = [value for value in values[10:] if value is not None]
    assert found.readings == len(read)
    if found.active_w is not None:
        assert min(read) - 1e-9 <= found.active_w <= max(read) + 1e-9
    else:
        assert found.reason is not None
