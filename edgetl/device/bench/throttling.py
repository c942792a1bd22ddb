"""What sensors hold against a measurement: the device slowed down, its supply was weak, its power is unknown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from edgetl.device.bench.clock_falls import READINGS_MIN, Fall, Unjudged, clock_fall
from edgetl.device.bench.energy import Window
from edgetl.device.kernel.devfreq import GPU_WORDS
from edgetl.device.kernel.files import cpu_list
from edgetl.telemetry import Channel, Series, Telemetry
from edgetl.validity import Finding

_POWER_SENSORS = ("ina238", "ina3221", "tegrastats", "rapl")
"""Those that can tell what a whole device draws."""
_CLOCKS = "clocks"
"""The sensor that tells them."""
_ADVICE = {
    "W-THROTTLED": "cool the device or lower its power mode, then measure again",
    "W-POWER-SOURCE": "use a stronger power supply and cable",
}


def throttle_findings(telemetry: Telemetry, window_ns: Window, affinity: tuple[int, ...] = ()) -> tuple[Finding, ...]:
    """Judge what happened between two moments.

    Counters count by their rise: from the last reading before the window (or the first in it) to the first after it
    (or the last in it). States count when they were on at any reading inside. Whether clocks fell is said by
    :func:`edgetl.device.bench.clock_falls.clock_fall`; of the CPUs that the process may use, the fastest at each
    moment counts, because that is where inference runs while others idle.

    GPUs are left out, whatever slows them down: every runtime here runs on the CPU, so it says nothing of the timing.

    Args:
        window_ns: when samples were taken.
        affinity: CPUs that the process may use; empty when unknown, and then all count.
    """
    ran = [series for series in telemetry.series if not _is_of_gpu(series.channel)]
    ran = [series for series in ran if not _is_clock_of_cpu(series) or _is_usable(series, affinity)]
    slowed = [(series, seen) for series in ran if (seen := _throttling(series, window_ns)) is not None]
    clocks = [clock_fall(name, readings) for name, readings in _clocks(ran, window_ns)]
    found = (
        *_events("W-THROTTLED", [(s, seen) for s, seen in slowed if not s.channel.is_supply]),
        *_events("W-POWER-SOURCE", [(s, seen) for s, seen in slowed if s.channel.is_supply]),
        *_clock_drop([clock for clock in clocks if isinstance(clock, Fall)]),
        *_unknown(telemetry, ran, window_ns, [clock for clock in clocks if isinstance(clock, Unjudged)]),
    )
    return tuple(found)


def _is_of_gpu(channel: Channel) -> bool:
    """By the words of its name: ``gpu0 power cap``, ``GR3D``, ``devfreq-17000000.gpu cooling_device2``."""
    words = re.split("[^a-z0-9]+", channel.name.lower())
    return channel.sensor == "nvml" or any(word.startswith((*GPU_WORDS, "gr3d")) for word in words)


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


def _clock_drop(falls: Sequence[Fall]) -> Iterator[Finding]:
    if falls:
        words = ", ".join(
            f"that of {fall.name} from {fall.high_hz / 1e6:.0f} to {fall.low_hz / 1e6:.0f} MHz" for fall in falls
        )
        evidence: dict[str, float | str] = {}
        for fall in falls:
            evidence |= {f"{fall.name} high_hz": fall.high_hz, f"{fall.name} low_hz": fall.low_hz}
        yield Finding("W-CLOCK-DROP", f"clocks fell while measuring: {words}; pin clocks, or cool the device", evidence)


def _clocks(ran: Sequence[Series], window_ns: Window) -> Iterator[tuple[str, list[float]]]:
    """CPU clocks of one sensor are read together."""
    cpus = [series for series in ran if _is_clock_of_cpu(series)]
    fastest: dict[int, float] = {}
    for time_ns, value in (reading for series in cpus for reading in _inside(series, window_ns)):
        fastest[time_ns] = max(value, fastest.get(time_ns, value))
    if cpus:
        yield "the fastest CPU", [fastest[time_ns] for time_ns in sorted(fastest)]
    for series in ran:
        if series.channel.quantity == "frequency" and not _is_clock_of_cpu(series):
            yield _name(series), [value for _, value in _inside(series, window_ns)]


def _unknown(
    telemetry: Telemetry, ran: Sequence[Series], window_ns: Window, unjudged: Sequence[Unjudged]
) -> Iterator[Finding]:
    """Power, and clocks that were read too seldom or not at all."""
    evidence: dict[str, float | str] = {missing.sensor: missing.reason for missing in telemetry.missing}
    words = []
    if not any(series.channel.is_total and _inside(series, window_ns) for series in telemetry.series):
        power = [f"{name}: {evidence[name]}" for name in _POWER_SENSORS if name in evidence]
        words.append("no sensor told what the whole device draws" + (f" ({'; '.join(power)})" if power else ""))
    if not any(map(_is_clock_of_cpu, ran)):
        reason = f": {evidence[_CLOCKS]}" if _CLOCKS in evidence else ""
        which = " that this process may use" if any(map(_is_clock_of_cpu, telemetry.series)) else ""
        words.append(f"no clock of a CPU{which} can be read, so whether one fell is unknown{reason}")
    for clock in unjudged:
        said = f"not judged: {clock.readings} readings, and {READINGS_MIN} are needed"
        words.append(f"whether the clock of {clock.name} fell is {said}")
        evidence[f"clock of {clock.name}"] = said
    if words:
        yield Finding("W-NO-SENSOR", "; ".join(words), evidence)


def _inside(series: Series, window_ns: Window) -> list[tuple[int, float]]:
    return [(time_ns, value) for time_ns, value in _known(series) if window_ns[0] <= time_ns <= window_ns[1]]


def _known(series: Series) -> Iterable[tuple[int, float]]:
    pairs = zip(series.times_ns, series.values, strict=True)
    return [(time_ns, value) for time_ns, value in pairs if value is not None]


def _is_clock_of_cpu(series: Series) -> bool:
    return series.channel.quantity == "frequency" and series.channel.name.startswith("cpu")


def _is_usable(series: Series, affinity: tuple[int, ...]) -> bool:
    """By the CPUs of its name, such as ``cpu4-7``."""
    cpus = cpu_list(series.channel.name.removeprefix("cpu"))
    return not affinity or not cpus or not set(affinity).isdisjoint(cpus)


def _name(series: Series) -> str:
    return f"{series.channel.sensor} {series.channel.name}"
