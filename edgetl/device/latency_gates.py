"""Limits on latency and memory, judged only by samples that support them."""

from __future__ import annotations

import msgspec

from edgetl.check import Check
from edgetl.gates import TargetGates
from edgetl.measurement import SUPPORT
from edgetl.result import Cold, Latency


def gated_percents(gates: TargetGates) -> tuple[float, ...]:
    """The latency percentiles that have a limit."""
    return tuple(percent for percent, limit in _limits(gates) if limit is not None)


def gate_checks(
    latency: Latency, cold: Cold, gates: TargetGates, invalid_because: str | None = None
) -> tuple[Check, ...]:
    """One check per limit; a percentile that the samples do not support, or an unknown peak, fails.

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
    found_ns = {50.0: latency.p50_ns, 90.0: latency.p90_ns, 99.0: latency.p99_ns}[percent]
    if found_ns is None:
        reason = (
            f"needs {SUPPORT[percent]} samples, got {latency.n} before the time was up; qualify with a longer --effort"
        )
        return Check(name, None, limit_ms, "ms", False, reason, latency.n)
    found_ms = found_ns / 1e6
    reason = f"{found_ms:.2f} ms over {latency.n} inferences, at most {limit_ms:g} ms is allowed"
    return Check(name, found_ms, limit_ms, "ms", found_ms <= limit_ms, reason, latency.n)


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
