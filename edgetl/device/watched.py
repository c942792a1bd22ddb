"""Timing of candidates with an eye on the machine: numbers, and whether they may be believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from edgetl.device.bench.judgement import Run, verdict
from edgetl.device.bench.timing import Timed
from edgetl.device.session import Session
from edgetl.environment import Environment
from edgetl.machine_state import MachineState
from edgetl.scenario import SINGLE_STREAM
from edgetl.telemetry import Telemetry
from edgetl.validity import Validity, invalid_because


@dataclass(frozen=True)
class Timing:
    """What timing found, by candidate name, and how the machine stood; without a watch, nothing was judged."""

    timed: Mapping[str, Timed] = field(default_factory=dict)
    overhead_ns: Mapping[str, float] = field(default_factory=dict)
    validity: Mapping[str, Validity] = field(default_factory=dict)
    state: MachineState | None = None
    telemetry: Telemetry | None = None
    strict: frozenset[str] = frozenset()

    def invalid_because(self, name: str) -> str | None:
        """Why the timing of a candidate is not to be believed; ``None`` when it is, or nobody watched."""
        validity = self.validity.get(name)
        return None if validity is None else invalid_because(validity, self.strict)


def time_watched(
    timing: Callable[[], dict[str, Timed]],
    session: Session,
    here: Environment,
    threads: int,
    overhead_ns: Mapping[str, float],
) -> Timing:
    """Time candidates while the session's watch, if it has one, looks at the machine.

    Args:
        timing: times all of them in one run, back to back.
        session: what is judged, and who watches.
        here: this machine.
        threads: that inference uses.
        overhead_ns: what the harness adds to each sample, by candidate name.
    """
    settings, clock = session.settings, session.clock
    if settings.watch is None:
        return Timing(timing(), overhead_ns)
    with settings.watch(here, threads, clock) as watch:
        for finding in watch.state.findings:
            if finding.severity != "note":
                session.progress.warn(f"{finding.code}: {finding.message}")
        watch.begin()
        timed = timing()
        watch.end()
    run = Run(SINGLE_STREAM, settings.effort, overhead_ns, watch, settings.strict)
    return Timing(
        timed=timed,
        overhead_ns=overhead_ns,
        validity={name: verdict(name, one, run) for name, one in timed.items()},
        state=msgspec.structs.replace(watch.state, findings=watch.findings),
        telemetry=watch.telemetry,
        strict=settings.strict,
    )
