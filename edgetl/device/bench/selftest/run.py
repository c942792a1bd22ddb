"""All that the harness proves about itself, in one answer."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.check import Check
from edgetl.device.bench.selftest.clocks import clock_test, independent_ns
from edgetl.device.bench.selftest.statistics import statistics_checks
from edgetl.device.bench.timing import Clock
from edgetl.device.probe import environment
from edgetl.environment import Environment
from edgetl.validity import Finding

SCHEMA = "edgetl.selftest/1"


class SelfTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was checked, and what speaks against measuring on this machine now."""

    schema: Literal["edgetl.selftest/1"]
    environment: Environment
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    not_judged: tuple[str, ...] = ()
    """Names of checks that a busy machine made impossible; they have no value, and count as passed."""

    @property
    def passed(self) -> bool:
        """Whether every check did; one that a busy machine made impossible says so and counts as passed."""
        return all(check.passed for check in self.checks)


def self_test(clock: Clock, seed: int = 0, repeats: int = 200, independent: Clock = independent_ns) -> SelfTest:
    """Statistics on synthetic noise, clocks on simulated and real time; takes about 20 s.

    Args:
        clock: nanoseconds, monotonic.
        seed: of the synthetic noise.
        repeats: simulated comparisons of each kind.
        independent: another clock, which ``clock`` is checked against.
    """
    here = environment()
    load = None if here.load_average is None else here.load_average / here.cpu.allowed_cpus
    clocks = clock_test(clock, independent, load)
    checks = (*clocks.checks, *statistics_checks(repeats, seed))
    not_judged = tuple(check.name for check in checks if not check.is_judged)
    return SelfTest("edgetl.selftest/1", here, checks, clocks.findings, not_judged)
