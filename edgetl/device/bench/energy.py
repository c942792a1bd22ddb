"""What an inference costs, from what sensors said while it ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from edgetl.telemetry import Energy, Series, Telemetry

Window: TypeAlias = "tuple[int, int]"
"""First and last nanosecond, on the clock of samples and readings."""

MIN_READINGS = 5
_MIN_COVERAGE = 0.75
"""Share of a window that its readings must span; the rest is taken to be like them."""
_SECOND = 1_000_000_000


def energy(telemetry: Telemetry, idle_ns: Window | None, active_ns: Sequence[Window], items: int) -> Energy:
    """Energy per item, gross and without what the device draws when idle.

    Power is integrated by the trapezoid rule between the readings inside each window; of energy counters, the
    difference between the last and the first reading inside it. The mean power that follows holds for the window, and
    windows count by their length.

    Args:
        idle_ns: when nothing ran; ``None`` if nobody waited.
        active_ns: when inferences ran back to back or paced, and nothing else.
        items: how many were done in all windows together; a batch of 8 is 8.

    Returns:
        Watts and joules of the first sensor that tells what the whole device (or package) draws. What is unknown is
        ``None``, and ``reason`` says why.
    """
    totals = _totals(telemetry)
    if not totals:
        return _unknown("no sensor tells what the whole device draws")
    source = f"{totals[0].channel.sensor}: {' + '.join(series.channel.name for series in totals)}"
    if not active_ns:
        return _unknown("no power was told when measuring began, so nothing was run to learn it", source)
    readings = _readings(totals)
    is_counter = totals[0].channel.quantity == "energy"
    active = _together(readings, active_ns, is_counter)
    if active.power_w is None:
        return _unknown(f"while inferences ran, {active.reason}", source, active.readings)
    if items < 1:
        return Energy(source, None, active.power_w, None, None, active.readings, "no inference ended in that time")
    each_s = _length_ns(active_ns) / _SECOND / items
    idle = _Power(None, 0, "idle power was not measured")
    if idle_ns is not None:
        idle = _mean_power(readings, idle_ns, is_counter)
    net_j = None if idle.power_w is None else (active.power_w - idle.power_w) * each_s
    reason = None if idle.power_w is not None else f"no net energy: {idle.reason}"
    windows = tuple(active_ns)
    return Energy(
        source, idle.power_w, active.power_w, active.power_w * each_s, net_j, active.readings, reason, windows, items
    )


def tells_power(telemetry: Telemetry) -> bool:
    """Whether some sensor has told what the whole device draws."""
    return any(value is not None for series in _totals(telemetry) for value in series.values)


def reading_period_ns(telemetry: Telemetry) -> int:
    """How far apart the last readings of the total lie; what was asked for, where they came as fast."""
    gaps = [later - earlier for series in _totals(telemetry)[:1] for earlier, later in pairwise(series.times_ns[-5:])]
    return max(telemetry.period_ns, sorted(gaps)[len(gaps) // 2] if gaps else 0)


@dataclass(frozen=True)
class _Power:
    power_w: float | None
    readings: int
    reason: str | None = None


def _unknown(reason: str, source: str | None = None, readings: int = 0) -> Energy:
    return Energy(source, None, None, None, None, readings, reason)


def _totals(telemetry: Telemetry) -> list[Series]:
    """Of the first sensor that has some; counters, where it has both."""
    marked = [s for s in telemetry.series if s.channel.is_total and s.channel.quantity in ("power", "energy")]
    for series in marked:
        own = [other for other in marked if other.channel.sensor == series.channel.sensor]
        counters = [other for other in own if other.channel.quantity == "energy"]
        return counters or own
    return []


def _readings(totals: Sequence[Series]) -> list[tuple[int, float]]:
    """Sums, where every part could be read; the parts of one sensor are read together."""
    sums = []
    for place, time_ns in enumerate(totals[0].times_ns):
        values = [value for series in totals if (value := series.values[place]) is not None]
        if len(values) == len(totals):
            sums.append((time_ns, sum(values)))
    return sums


def _together(readings: Sequence[tuple[int, float]], windows_ns: Sequence[Window], is_counter: bool) -> _Power:
    """Of several windows; of none, if one of them is not known."""
    powers = [_mean_power(readings, window_ns, is_counter) for window_ns in windows_ns]
    count, area = sum(power.readings for power in powers), 0.0
    for power, (start, end) in zip(powers, windows_ns, strict=True):
        if power.power_w is None:
            return _Power(None, count, power.reason)
        area += power.power_w * (end - start)
    return _Power(area / _length_ns(windows_ns), count)


def _length_ns(windows_ns: Sequence[Window]) -> int:
    return sum(end - start for start, end in windows_ns)


def _mean_power(readings: Sequence[tuple[int, float]], window_ns: Window, is_counter: bool) -> _Power:
    start, end = window_ns
    inside = [(time_ns, value) for time_ns, value in readings if start <= time_ns <= end]
    if len(inside) < MIN_READINGS:
        return _Power(None, len(inside), f"there were {len(inside)} power readings; {MIN_READINGS} are needed")
    span_ns = inside[-1][0] - inside[0][0]
    if span_ns < _MIN_COVERAGE * (end - start):
        share = f"{100 * span_ns / (end - start):.0f} %"
        return _Power(
            None, len(inside), f"power readings span {share} of the time; {100 * _MIN_COVERAGE:.0f} % are needed"
        )
    if is_counter:
        return _Power((inside[-1][1] - inside[0][1]) * _SECOND / span_ns, len(inside))
    area = sum((t1 - t0) * (p0 + p1) / 2 for (t0, p0), (t1, p1) in pairwise(inside))
    return _Power(area / span_ns, len(inside))
