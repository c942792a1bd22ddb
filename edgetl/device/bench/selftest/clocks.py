"""Self-test of all that has to do with clocks: stalls, known durations, and what the harness itself takes."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from edgetl.check import Check
from edgetl.device.bench.overhead import overhead_ns, timer_pair_ns
from edgetl.device.bench.pacing import RealTime, SimulatedTime
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.scenarios import Load, run_scenario
from edgetl.device.bench.scenarios.paced import Line, Stretch, run_stretch
from edgetl.device.bench.scenarios.schedule import schedule
from edgetl.device.bench.timing import Clock
from edgetl.device.bench.timing.warm_up import time_calls
from edgetl.device.checked_runner import idle_runner
from edgetl.device.feeds import random_feeds
from edgetl.measurement import SUPPORT, percentile
from edgetl.samples.findings import NOISY
from edgetl.scenario import SINGLE_STREAM, Scenario
from edgetl.tensors import TensorSpec
from edgetl.validity import Finding

_MS = 1_000_000
_STALL_MS, _CALLS_BEFORE = 100_000, 10_000
_DURATIONS_NS = (_MS // 10, _MS, 5 * _MS, 20 * _MS)
_TOLERANCE, _TOLERANCE_NS = 0.01, 20_000
_PLAN = Plan(1, 0.0, 0.0, 0.0, block_s=0.1, min_blocks=4, min_samples=SUPPORT[90.0], min_s=0.0, cap_s=60.0)
_OVERHEAD_NS = 1_000_000_000
_IMAGE, _SCORES = TensorSpec("image", "uint8", (1, 224, 224, 3)), TensorSpec("scores", "float32", (1, 1000))


@dataclass(frozen=True)
class ClockTest:
    """What was checked of the harness, and what speaks against the machine."""

    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]


def independent_ns() -> int:
    """Nanoseconds of a clock that nobody adjusts (``CLOCK_MONOTONIC_RAW``); where there is none, the monotonic one."""
    raw = getattr(time, "CLOCK_MONOTONIC_RAW", None)
    return time.monotonic_ns() if raw is None else time.clock_gettime_ns(raw)


def clock_test(clock: Clock, independent: Clock, load_per_cpu: float | None) -> ClockTest:
    """All checks of this file; takes about three seconds.

    Args:
        clock: nanoseconds, monotonic.
        independent: another clock, such as :func:`independent_ns`, that says how long a known duration is.
        load_per_cpu: load average divided by CPUs; ``None`` when unknown, which counts as no load.
    """
    loops = busy_loops(clock, independent, load_per_cpu)
    return ClockTest((timer_cost(clock), harness_cost(clock), *coordinated_omission(), *loops.checks), loops.findings)


def coordinated_omission() -> tuple[Check, ...]:
    """A service of 1 ms every 10 ms that stalls once for 100 s, half-way through 200 s, in simulated time.

    A closed loop makes no call during the stall and so sees it once in 10,001; those who wanted something every 10 ms
    saw it half of the time.

    References:
        Tene, HdrHistogram README, "Corrected vs. Raw value recording calls"; Tene, How NOT to Measure Latency, 2013.
    """
    closed_time, open_time = SimulatedTime(), SimulatedTime()
    closed = time_calls(_stalling(closed_time), _CALLS_BEFORE + 1, closed_time.now)
    dues = schedule(Scenario("periodic", rate_hz=100))
    paced = run_stretch(_stalling(open_time), Line(dues), Stretch(2 * _CALLS_BEFORE), open_time)
    return (
        _share("calls up to 1 ms, back to back", closed, 100 * _CALLS_BEFORE / (_CALLS_BEFORE + 1)),
        _share("calls up to 1 ms, every 10 ms", paced.latency_ns.tolist(), 50.0),
    )


def busy_loops(clock: Clock, independent: Clock, load_per_cpu: float | None) -> ClockTest:
    """Time loops that last 0.1, 1, 5 and 20 ms by another clock, in the way that models are timed.

    The median must be within 1 % or 20 us of that, so a clock that runs at another speed fails, too.

    On a machine with other work a wrong median says nothing of the harness: then the check is passed unjudged, and
    W-NOISY says why.
    """
    checks, findings = [], []
    for duration_ns in _DURATIONS_NS:
        loop = _spinning(independent, duration_ns)
        samples = run_scenario({"loop": (loop,)}, Load(SINGLE_STREAM, _PLAN), RealTime(clock))["loop"].samples_ns
        noise = _noise(samples, load_per_cpu)
        checks.append(_busy_check(duration_ns, samples, noise))
        if noise is not None:
            findings.append(noise)
    return ClockTest(tuple(checks), tuple(findings))


def timer_cost(clock: Clock) -> Check:
    """Two readings of the clock take less than 1 us."""
    return _below("clock read twice", timer_pair_ns(clock), 1000.0)


def harness_cost(clock: Clock) -> Check:
    """The harness adds less than 2 us to a sample.

    The lowest median of many within a second: what other work adds to some is not the harness's.
    """
    model, end = idle_runner((_IMAGE,), (_SCORES,)), clock() + _OVERHEAD_NS
    feeds = random_feeds(model.inputs, 0)
    lowest = overhead_ns(model, feeds, clock)
    while clock() < end:
        lowest = min(lowest, overhead_ns(model, feeds, clock))
    return _below("harness overhead of a sample", lowest, 2000.0)


def _stalling(time: SimulatedTime) -> Callable[[], None]:
    calls = itertools.count()
    return lambda: time.pass_ns(_STALL_MS * _MS if next(calls) == _CALLS_BEFORE else _MS)


def _share(name: str, samples_ns: list[int], expected: float) -> Check:
    share = 100 * sum(sample <= _MS for sample in samples_ns) / len(samples_ns)
    passed = abs(share - expected) < 0.001
    reason = "" if passed else f"{share:.3f} % of the samples are up to 1 ms, and {expected:.3f} % must be"
    return Check(name, share, expected, "%", passed, reason, len(samples_ns))


def _spinning(clock: Clock, duration_ns: int) -> Callable[[], None]:
    def spin() -> None:
        end = clock() + duration_ns
        while clock() < end:
            pass

    return spin


def _noise(samples: tuple[int, ...], load_per_cpu: float | None) -> Finding | None:
    median, p90 = statistics.median(samples), percentile(samples, 90.0)
    ratio, load = p90 / median, load_per_cpu or 0.0
    if ratio <= NOISY and load <= 1:
        return None
    why = f"p90 is {ratio:.2f} times the median" if ratio > NOISY else f"the load is {load:.1f} for each CPU"
    return Finding(
        "W-NOISY",
        f"{why} in a loop of {median / _MS:.2f} ms; stop other work on the machine",
        {"p90_to_median": ratio, "load_per_cpu": "unknown" if load_per_cpu is None else load_per_cpu},
    )


def _busy_check(duration_ns: int, samples: tuple[int, ...], noise: Finding | None) -> Check:
    median, allowed = statistics.median(samples), max(_TOLERANCE * duration_ns, _TOLERANCE_NS)
    error, within = abs(median - duration_ns), abs(median - duration_ns) <= allowed
    name, n = f"error of a loop of {duration_ns / _MS:g} ms", len(samples)
    reason = "" if within else f"the median of {median / _MS:.3f} ms is {error / 1e3:.0f} us off"
    if not within and noise is not None:
        unjudged = f"not judged, the machine is too noisy: {reason}, and {noise.message}"
        return Check(name, None, float(allowed), "ns", passed=True, reason=unjudged, n=n)
    return Check(name, error, float(allowed), "ns", within, reason, n)


def _below(name: str, value_ns: float, limit_ns: float) -> Check:
    passed = value_ns < limit_ns
    reason = "" if passed else f"{value_ns:.0f} ns, and less than {limit_ns:.0f} ns is needed"
    return Check(name, value_ns, limit_ns, "ns", passed, reason)
