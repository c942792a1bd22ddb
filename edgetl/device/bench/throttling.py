"""What sensors hold against a measurement: the device slowed down, its supply was weak, its power is unknown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from edgetl.device.bench.energy import Window
from edgetl.telemetry import Series, Telemetry
from edgetl.validity import Finding

_DROP = 0.02
_SMOOTH = 5
"""Readings whose median counts as one clock: x86 tells clocks that tremble by some percent."""
_ADVICE = {
    "W-THROTTLED": "cool the device or lower its power mode, then measure again",
    "W-POWER-SOURCE": "use a stronger power supply and cable",
}


def throttle_findings(telemetry: Telemetry, window_ns: Window) -> tuple[Finding, ...]:
    """Judge what happened between two moments.

    Counters count by their rise: from the last reading before the window (or the first in it) to the first after it
    (or the last in it). States count when they were on at any reading inside. A clock has fallen when the median of
    five readings is more than 2 % below an earlier one; of CPUs, the fastest at each moment counts, because that is
    where inference runs while others idle.

    Args:
        window_ns: when samples were taken.
    """
    slowed = [(series, seen) for series in telemetry.series if (seen := _throttling(series, window_ns)) is not None]
    found = [
        *_events("W-THROTTLED", [(s, seen) for s, seen in slowed if not s.channel.is_supply]),
        *_events("W-POWER-SOURCE", [(s, seen) for s, seen in slowed if s.channel.is_supply]),
        *_clock_drops(telemetry, window_ns),
    ]
    if not any(series.channel.is_total and _inside(series, window_ns) for series in telemetry.series):
        found.append(_no_sensor(telemetry))
    return tuple(found)


def _throttling(series: Series, window_ns: Window) -> tuple[float, str] | None:
    """How much was seen, as a number and in words; ``None`` when nothing was."""
    if series.channel.quantity == "throttle-count":
        rise = _rise(series, window_ns)
        return (rise, f"{series.channel.name} +{rise:.0f}") if rise > 0 else None
    if series.channel.quantity == "throttle-state":
        inside = [value for _, value in _inside(series, window_ns)]
        on = sum(inside) / len(inside) if inside else 0.0
        return (on, f"{series.channel.name} in {100 * on:.0f} % of {len(inside)} readings") if on > 0 else None
    return None


def _rise(series: Series, window_ns: Window) -> float:
    known = _known(series)
    before = [value for time_ns, value in known if time_ns <= window_ns[0]][-1:]
    after = [value for time_ns, value in known if time_ns >= window_ns[1]][:1]
    inside = [value for _, value in _inside(series, window_ns)]
    path = [*before, *inside, *after]
    return path[-1] - path[0] if path else 0.0


def _events(code: str, slowed: Sequence[tuple[Series, tuple[float, str]]]) -> Iterator[Finding]:
    if slowed:
        words = ", ".join(f"{series.channel.sensor} {said}" for series, (_, said) in slowed)
        evidence: dict[str, float | str] = {_name(series): amount for series, (amount, _) in slowed}
        yield Finding(code, f"{words}; {_ADVICE[code]}", evidence)


def _clock_drops(telemetry: Telemetry, window_ns: Window) -> Iterator[Finding]:
    for name, clock in _clocks(telemetry, window_ns):
        high_hz, low_hz = _deepest_fall(clock)
        if low_hz < (1 - _DROP) * high_hz:
            fall = f"the clock of {name} fell from {high_hz / 1e6:.0f} to {low_hz / 1e6:.0f} MHz"
            evidence: dict[str, float | str] = {"clock": name, "high_hz": high_hz, "low_hz": low_hz}
            yield Finding("W-CLOCK-DROP", f"{fall} while measuring; pin clocks, or cool the device", evidence)


def _clocks(telemetry: Telemetry, window_ns: Window) -> Iterator[tuple[str, list[float]]]:
    """CPU clocks of one sensor are read together."""
    frequencies = [series for series in telemetry.series if series.channel.quantity == "frequency"]
    cpus = [_inside(series, window_ns) for series in frequencies if series.channel.name.startswith("cpu")]
    fastest: dict[int, float] = {}
    for time_ns, value in (reading for readings in cpus for reading in readings):
        fastest[time_ns] = max(value, fastest.get(time_ns, value))
    yield "the fastest CPU", [fastest[time_ns] for time_ns in sorted(fastest)]
    for series in frequencies:
        if not series.channel.name.startswith("cpu"):
            yield _name(series), [value for _, value in _inside(series, window_ns)]


def _deepest_fall(values: Sequence[float]) -> tuple[float, float]:
    """The highest smoothed value and the lowest after it, where the ratio is smallest; zeros for too few values."""
    smooth = [statistics.median(values[end - _SMOOTH : end]) for end in range(_SMOOTH, len(values) + 1)]
    highest = accumulate(smooth, max)
    return min(
        zip(highest, smooth, strict=True), key=lambda pair: pair[1] / pair[0] if pair[0] else 1.0, default=(0, 0)
    )


def _no_sensor(telemetry: Telemetry) -> Finding:
    reasons: dict[str, float | str] = {missing.sensor: missing.reason for missing in telemetry.missing}
    power = [f"{name}: {reasons[name]}" for name in ("rapl", "ina3221", "tegrastats") if name in reasons]
    why = f" ({'; '.join(power)})" if power else ""
    return Finding("W-NO-SENSOR", f"no sensor told what the whole device draws{why}", reasons)


def _inside(series: Series, window_ns: Window) -> list[tuple[int, float]]:
    return [(time_ns, value) for time_ns, value in _known(series) if window_ns[0] <= time_ns <= window_ns[1]]


def _known(series: Series) -> Iterable[tuple[int, float]]:
    pairs = zip(series.times_ns, series.values, strict=True)
    return [(time_ns, value) for time_ns, value in pairs if value is not None]


def _name(series: Series) -> str:
    return f"{series.channel.sensor} {series.channel.name}"
