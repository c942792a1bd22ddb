"""Limits on latency and memory, judged only by samples that support them.

A percentile is within its limit when its 99 % upper bound is: the number itself would let a device that misses the
limit pass nearly every second time.
"""

from __future__ import annotations

import msgspec

from edgetl.check import Check
from edgetl.gates import TargetGates
from edgetl.measurement import SUPPORT
from edgetl.result import Cold, Latency, Percentile
from edgetl.samples.support import samples_to_pass


def gated_percents(gates: TargetGates) -> tuple[float, ...]:
    """The latency percentiles that have a limit."""
    return tuple(percent for percent, limit in _limits(gates) if limit is not None)


def is_undecided(latency: Latency, gates: TargetGates) -> bool:
    """Whether more samples might show that every percentile is within its limit, and these do not."""
    judged = [
        (latency.percentile(percent), limit_ms * 1e6) for percent, limit_ms in _limits(gates) if limit_ms is not None
    ]
    if any(found is not None and found.value_ns > limit_ns for found, limit_ns in judged):
        return False
    return any(found is None or found.bound_ns > limit_ns for found, limit_ns in judged)


def gate_checks(
    latency: Latency, cold: Cold, gates: TargetGates, invalid_because: str | None = None
) -> tuple[Check, ...]:
    """One check per limit; a percentile that the samples do not support, or whose upper bound is above, fails.

    So does an unknown peak of memory.

    Args:
        latency: of the candidate.
        cold: of the same.
        gates: its limits.
        invalid_because: what makes its timing invalid; then no limit on latency is passed.
    """
    checks = [
        _believed(_latency_check(latency, percent, limit_ms), invalid_because)
        for percent, limit_ms in _limits(gates)
        if limit_ms is not None
    ]
    if gates.peak_memory_mb_max is not None:
        checks.append(_memory_check(cold.peak_rss_bytes, gates.peak_memory_mb_max))
    return tuple(checks)


def _limits(gates: TargetGates) -> tuple[tuple[float, float | None], ...]:
    return (50.0, gates.latency_p50_ms_max), (90.0, gates.latency_p90_ms_max), (99.0, gates.latency_p99_ms_max)


def _latency_check(latency: Latency, percent: float, limit_ms: float) -> Check:
    name = f"latency p{percent:g}"
    found = latency.percentile(percent)
    if found is None:
        reason = (
            f"needs {SUPPORT[percent]} samples, got {latency.n} before the time was up; qualify with a longer --effort"
        )
        return Check(name, None, limit_ms, "ms", False, reason, latency.n)
    passed = found.bound_ns <= limit_ms * 1e6
    return Check(name, found.value_ns / 1e6, limit_ms, "ms", passed, _reason(found, limit_ms, latency), latency.n)


def _reason(found: Percentile, limit_ms: float, latency: Latency) -> str:
    measured = f"{found.value_ns / 1e6:.2f} ms"
    bounded = f"{found.bound_ns / 1e6:.2f} ms with 99 % confidence"
    allowed = f"at most {limit_ms:g} ms is allowed"
    if found.value_ns > limit_ms * 1e6:
        return f"{measured} over {latency.n} inferences, {allowed}"
    if found.bound_ns <= limit_ms * 1e6:
        return f"{measured}, no more than {bounded} over {latency.n} inferences; {allowed}"
    beyond = sum(sample > limit_ms * 1e6 for sample in latency.samples_ns)
    needed = samples_to_pass(latency.n, beyond, found.percent)
    advice = (
        f"about {needed:,} inferences would show it: qualify with a longer --effort"
        if needed is not None
        else "it is so close to the limit that no number of inferences will show it"
    )
    return (
        f"{measured}, but {latency.n} inferences show only that it is no more than {bounded}, and {allowed}; {advice}"
    )


def _believed(check: Check, invalid_because: str | None) -> Check:
    if invalid_because is None:
        return check
    reason = f"{check.reason}, but the timing is invalid and judges nothing ({invalid_because}); qualify again"
    return msgspec.structs.replace(check, passed=False, reason=reason)


def _memory_check(peak_rss_bytes: int | None, limit_mb: float) -> Check:
    if peak_rss_bytes is None:
        return Check("peak memory", None, limit_mb, "MB", False, "unknown: this system does not report it")
    found_mb = peak_rss_bytes / 1e6
    reason = f"{found_mb:.0f} MB with Python and the runtime, at most {limit_mb:g} MB is allowed"
    return Check("peak memory", found_mb, limit_mb, "MB", found_mb <= limit_mb, reason)
