"""What speaks against a run at a rate."""

from __future__ import annotations

import statistics

from edgetl.device.bench.pacing import SPIN_NS
from edgetl.device.bench.scenarios.schedule import rate_of
from edgetl.device.bench.timing import Timed
from edgetl.scenario import Scenario
from edgetl.validity import Finding

_LATE_SHARE_MAX = 0.01
_WAITING_SHARE_MAX = 0.25
"""Of the inferences that were done; a queue that fits, full to nine tenths, has this many in it about never."""


def pacing_findings(timed: Timed, scenario: Scenario) -> tuple[Finding, ...]:
    """W-OVERLOAD and W-LATE-START, where they hold; none for a scenario without a rate."""
    if not scenario.is_paced:
        return ()
    found = (_overload(timed, scenario), _late_start(timed))
    return tuple(finding for finding in found if finding is not None)


def pacing_remarks(scenario: Scenario) -> tuple[str, ...]:
    """What a run at a rate does to the machine, as a sentence; nothing of a scenario without one."""
    if not scenario.is_paced:
        return ()
    return (
        f"timing at a rate waits busily for the last {SPIN_NS / 1e6:g} ms before an inference is due, so the core "
        "never idles deeply before one; energy runs only sleep",
    )


def _overload(timed: Timed, scenario: Scenario) -> Finding | None:
    """The queue grows when work arrives faster than it is done; it grew when much of the work waits at the end."""
    rate_hz, mean_s = rate_of(scenario), statistics.fmean(timed.service_ns) / 1e9
    utilisation, waiting = rate_hz * mean_s, max(timed.backlogs)
    has_grown = timed.backlogs[-1] > _WAITING_SHARE_MAX * sum(timed.block_items)
    if scenario.backlog == "drop" or not (utilisation > 1 or has_grown or timed.is_cut_short):
        return None
    queue = f"up to {waiting:,} were waiting when a block ended"
    if timed.is_cut_short:
        queue = f"the run was ended early, when {waiting:,} or more were waiting, which it had no time for"
    return Finding(
        "W-OVERLOAD",
        f"{rate_hz:,.10g} inferences are due in a second, and {1 / mean_s:.1f} can be done ({mean_s * 1e3:.2f} ms "
        f"each, utilisation {utilisation:.4g}); {queue}; lower --rate, or drop what comes too late (--drop-late)",
        {"utilisation": utilisation, "rate_hz": rate_hz, "mean_service_s": mean_s, "waiting": float(waiting)},
    )


def _late_start(timed: Timed) -> Finding | None:
    """Late by more than 1 % of the median latency, in one of a hundred inferences."""
    late_ns, median_ns = timed.late_start_p99_ns, statistics.median(timed.samples_ns)
    if late_ns is None or late_ns <= _LATE_SHARE_MAX * median_ns:
        return None
    return Finding(
        "W-LATE-START",
        f"1 % of the inferences began {late_ns / 1e3:.1f} us or more after they could have, "
        f"against a median latency of {median_ns / 1e3:.1f} us; stop other work on the machine",
        {"late_start_p99_ns": float(late_ns), "median_ns": float(median_ns)},
    )
