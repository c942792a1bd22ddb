from __future__ import annotations

from collections.abc import Sequence

import pytest

from edgetl.device.bench.throttling import throttle_findings
from edgetl.telemetry import Channel, Missing, Quantity, Series, Telemetry
from edgetl.validity import Finding

WINDOW = (100, 200)
POWER = Series(Channel("ina3221", "VDD_IN", "power", is_total=True), (150,), (5.0,))


def series(quantity: Quantity, readings: dict[int, float | None], name: str = "it", is_supply: bool = False) -> Series:
    channel = Channel("sensor", name, quantity, is_supply=is_supply)
    return Series(channel, tuple(readings), tuple(readings.values()))


def clock(values: Sequence[float | None], name: str = "cpu0") -> Series:
    """Readings in megahertz, evenly over the window."""
    step = 100 // (len(values) - 1)
    scaled = [None if value is None else value * 1e6 for value in values]
    return series("frequency", {100 + step * place: value for place, value in enumerate(scaled)}, name)


def findings(*found: Series) -> tuple[Finding, ...]:
    """With power, and with a steady clock of a CPU where none is given."""
    steady = () if any(one.channel.name.startswith("cpu") for one in found) else (clock([1500] * 6),)
    return throttle_findings(Telemetry(1, (POWER, *steady, *found)), WINDOW)


def codes(*found: Series) -> list[str]:
    return [finding.code for finding in findings(*found)]


def test_a_quiet_run_has_no_findings() -> None:
    quiet = (
        series("throttle-count", {90: 7.0, 150: 7.0, 210: 7.0}),
        series("throttle-state", {90: 0.0, 150: 0.0}),
        series("temperature", {90: 40.0, 150: 90.0}),
        clock([1500.0] * 11),
    )
    assert findings(*quiet) == ()


def test_a_counter_that_rose_is_throttling() -> None:
    (found,) = findings(series("throttle-count", {50: 3.0, 90: 5.0, 150: 6.0, 210: 9.0, 250: 50.0}, "oc3"))
    assert found.code == "W-THROTTLED"
    assert found.message == "sensor oc3 +4; cool the device or lower its power mode, then measure again"
    assert found.evidence == {"sensor oc3": 4.0}
    assert found.severity == "invalid"


@pytest.mark.parametrize(
    "readings",
    [
        pytest.param({50: 0.0, 90: 5.0, 150: 5.0, 210: 5.0, 250: 9.0}, id="before and after"),
        pytest.param({110: 5.0}, id="one reading"),
        pytest.param({90: None, 150: None}, id="unknown"),
        pytest.param({}, id="none"),
        pytest.param({90: 5.0, 210: 1.0}, id="began again"),
    ],
)
def test_what_a_counter_did_at_other_times_does_not_count(readings: dict[int, float | None]) -> None:
    assert codes(series("throttle-count", readings)) == []


def test_a_counter_without_readings_around_the_window_counts_inside() -> None:
    assert codes(series("throttle-count", {110: 5.0, 190: 6.0})) == ["W-THROTTLED"]


def test_a_sticky_bit_counts_only_when_it_is_new() -> None:
    assert codes(series("throttle-count", {90: 1.0, 150: 1.0, 210: 1.0})) == []
    assert codes(series("throttle-count", {90: 0.0, 150: 1.0, 210: 1.0})) == ["W-THROTTLED"]


def test_a_state_counts_while_samples_were_taken() -> None:
    assert codes(series("throttle-state", {50: 1.0, 150: 0.0, 250: 1.0})) == []
    (found,) = findings(series("throttle-state", {110: 0.0, 130: 1.0, 150: None, 170: 0.0, 190: 0.0}, "soc"))
    assert found.code == "W-THROTTLED"
    assert found.message.startswith("sensor soc in 25 % of 4 readings; ")


@pytest.mark.parametrize(
    ("sensor", "name"),
    [
        ("nvml", "gpu0 power cap"),
        ("nvml", "gpu0 power brake"),
        ("cooling", "devfreq-17000000.gpu cooling_device2"),
        ("cooling", "devfreq-17000000.gv11b cooling_device3"),
    ],
)
def test_a_gpu_that_slowed_down_says_nothing_of_a_run_on_the_cpu(sensor: str, name: str) -> None:
    channel = Channel(sensor, name, "throttle-state", is_supply=name.endswith("brake"))
    assert findings(Series(channel, (110, 150), (1.0, 1.0))) == ()


@pytest.mark.parametrize("name", ["gpu 17000000.gpu", "GR3D", "GR3D2", "gpu0"])
def test_the_clock_of_a_gpu_says_nothing_of_a_run_on_the_cpu(name: str) -> None:
    assert findings(clock([1300] * 6 + [300] * 6, name), clock([1300, None, None], name)) == ()


@pytest.mark.parametrize(
    ("sensor", "name", "quantity"),
    [
        ("jetson-overcurrent", "oc3 instantaneous over-current", "throttle-count"),
        ("cooling", "thermal-cpufreq-0 cooling_device1", "throttle-state"),
        ("cooling", "thermal-devfreq-0 cooling_device4", "throttle-state"),
        ("raspberry-pi", "throttled now", "throttle-state"),
    ],
)
def test_what_slows_down_the_cpu_or_all_of_a_device_counts(sensor: str, name: str, quantity: Quantity) -> None:
    (found,) = findings(Series(Channel(sensor, name, quantity), (90, 110, 150), (0.0, 1.0, 1.0)))
    assert found.code == "W-THROTTLED"


def test_a_weak_supply_has_its_own_code() -> None:
    (found,) = findings(series("throttle-count", {90: 0.0, 210: 1.0}, "under-voltage", is_supply=True))
    assert found.code == "W-POWER-SOURCE"
    assert "stronger power supply" in found.message


def test_all_events_of_a_kind_are_one_finding() -> None:
    several = [series("throttle-count", {90: 0.0, 210: rise}, f"core {rise:.0f}") for rise in (1.0, 2.0)]
    (found,) = findings(*several)
    assert found.evidence == {"sensor core 1": 1.0, "sensor core 2": 2.0}


def test_a_clock_that_fell_is_named_with_how_far() -> None:
    (found,) = findings(clock([1500] * 6 + [1450] * 6, "EMC"))
    assert found.code == "W-CLOCK-DROP"
    assert found.message.startswith("clocks fell while measuring: that of sensor EMC from 1500 to 1450 MHz; ")
    assert found.evidence == {"sensor EMC high_hz": 1.5e9, "sensor EMC low_hz": 1.45e9}


def test_all_clocks_that_fell_are_in_one_finding() -> None:
    (found,) = findings(clock([1500] * 6 + [1450] * 6, "EMC"), clock([3000] * 6 + [1000] * 6))
    assert "that of the fastest CPU from 3000 to 1000 MHz, that of sensor EMC from 1500 to 1450 MHz" in found.message
    assert found.evidence["the fastest CPU low_hz"] == 1e9
    assert found.evidence["sensor EMC low_hz"] == 1.45e9


@pytest.mark.parametrize(
    ("values", "fell"),
    [
        pytest.param([1500] * 6 + [1471] * 6, False, id="by less than 2 %"),
        pytest.param([1500] * 6 + [1469] * 6, True, id="by more than 2 %"),
        pytest.param([1500] * 4 + [900] * 5 + [1500] * 4, True, id="for a while"),
        pytest.param([1500] * 6 + [300] + [1500] * 6, False, id="in one reading"),
        pytest.param([800] * 6 + [1500] * 6, False, id="rose"),
        pytest.param([800] * 5 + [1500] * 5 + [900] * 5, True, id="rose and fell"),
        pytest.param([2000] * 2 + [1000] * 2, True, id="four readings"),
        pytest.param([2000] * 2 + [1000] * 4, True, id="six readings"),
        pytest.param([2000] * 5 + [1000] * 2, True, id="in the end"),
        pytest.param([2000] * 20 + [1000] * 2 + [2000] * 20, True, id="for two readings"),
        pytest.param([2000, 2000, 1900, 1900], False, id="a little, in four readings"),
        pytest.param([2000, 1000, 2000, 2000], False, id="once, in four readings"),
        pytest.param([0] * 12, False, id="off"),
    ],
)
def test_what_counts_as_a_fall(values: Sequence[float | None], fell: bool) -> None:
    assert codes(clock(values)) == (["W-CLOCK-DROP"] if fell else [])


@pytest.mark.parametrize("values", [[1500, None, None, None, 300], [None] * 12], ids=["two", "none"])
def test_clocks_with_too_few_readings_are_not_judged_and_that_is_said(values: Sequence[float | None]) -> None:
    (found,) = findings(clock(values))
    known = len([value for value in values if value is not None])
    assert (found.code, found.severity) == ("W-NO-SENSOR", "note")
    said = f"not judged: {known} readings, and 4 are needed"
    assert found.message == f"whether the clock of the fastest CPU fell is {said}"
    assert found.evidence == {"clock of the fastest CPU": said}


def test_cpus_that_idle_do_not_count_as_long_as_one_is_fast() -> None:
    moved = (clock([3000] * 6 + [800] * 6, "cpu0"), clock([800] * 6 + [3000] * 6, "cpu1"))
    assert codes(*moved) == []
    assert codes(moved[0], clock([800] * 12, "cpu1")) == ["W-CLOCK-DROP"]


@pytest.mark.parametrize(
    ("affinity", "expected"),
    [
        pytest.param((3,), ["W-CLOCK-DROP"], id="the one that fell"),
        pytest.param((6,), ["W-CLOCK-DROP"], id="one of the group that fell"),
        pytest.param((0,), [], id="the fast one"),
        pytest.param((0, 3), [], id="both"),
        pytest.param((), [], id="unknown"),
    ],
)
def test_only_clocks_of_cpus_that_the_process_may_use_are_judged(
    affinity: tuple[int, ...], expected: list[str]
) -> None:
    fell = [3000] * 6 + [1000] * 6
    clocks = (clock([3000] * 12, "cpu0"), clock(fell, "cpu3"), clock(fell, "cpu4-7"))
    assert [one.code for one in throttle_findings(Telemetry(1, (POWER, *clocks)), WINDOW, affinity)] == expected


def test_clocks_of_other_cpus_alone_leave_it_unknown_whether_one_fell() -> None:
    (found,) = throttle_findings(Telemetry(1, (POWER, clock([1500] * 6, "cpu0-3"))), WINDOW, (4, 5))
    assert found.code == "W-NO-SENSOR"
    assert found.message.startswith("no clock of a CPU that this process may use can be read, so whether one fell")


def test_unknown_power_is_a_note_with_the_reasons() -> None:
    reasons = (Missing("rapl", "only root may"), Missing("ina238", "no chip"), Missing("thermal", "none"))
    part = Series(Channel("ina3221", "VDD_GPU", "power"), (150,), (5.0,))
    (found,) = throttle_findings(Telemetry(1, (part, clock([1500] * 6)), reasons), WINDOW)
    assert (found.code, found.severity) == ("W-NO-SENSOR", "note")
    assert found.message == "no sensor told what the whole device draws (ina238: no chip; rapl: only root may)"
    assert found.evidence == {"rapl": "only root may", "ina238": "no chip", "thermal": "none"}


def test_power_that_was_read_at_other_times_only_is_unknown() -> None:
    assert [f.code for f in throttle_findings(Telemetry(1, (POWER,)), (300, 400))] == ["W-NO-SENSOR"]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [((), ""), ((Missing("clocks", "no cpufreq"),), ": no cpufreq")],
    ids=["without a reason", "with the reason"],
)
@pytest.mark.parametrize(
    "others", [(), (clock([1300] * 6, "GR3D"),), (clock([2133] * 6, "EMC"),)], ids=["no clock", "a GPU's", "of memory"]
)
def test_a_clock_that_nobody_can_read_is_not_one_that_stayed(
    others: tuple[Series, ...], missing: tuple[Missing, ...], reason: str
) -> None:
    (found,) = throttle_findings(Telemetry(1, (POWER, *others), missing), WINDOW)
    assert (found.code, found.severity) == ("W-NO-SENSOR", "note")
    assert found.message == f"no clock of a CPU can be read, so whether one fell is unknown{reason}"
