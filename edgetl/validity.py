"""Whether a measurement may be believed, and what speaks against it, in codes that scripts can rely on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Severity = Literal["note", "degraded", "invalid"]
Verdict = Literal["valid", "degraded", "invalid"]

CODES: Mapping[str, tuple[Severity, str]] = {
    "W-GOVERNOR": ("note", "the CPU governor changes clocks while measuring"),
    "W-TURBO": ("note", "turbo is on: clocks depend on heat and neighbours"),
    "W-CLOCKS": ("note", "clocks are not pinned"),
    "W-LOAD": ("degraded", "other work runs on the machine"),
    "W-THREADS": ("degraded", "more threads than CPUs that this process may use"),
    "W-AFFINITY": ("note", "this process may not use all CPUs of the machine"),
    "W-QUOTA": ("degraded", "the container's CPU quota stopped the process while measuring"),
    "W-MEMORY": ("degraded", "little free memory, or swapping while measuring"),
    "W-POWER-SOURCE": ("degraded", "the power supply is too weak"),
    "W-THROTTLED": ("invalid", "the device slowed itself down for heat or current"),
    "W-CLOCK-DROP": ("degraded", "the clock fell while measuring"),
    "W-UNSTEADY": ("degraded", "warm-up ended before latency had settled"),
    "W-DRIFT": ("degraded", "latency changed from the first to the last third of the run"),
    "W-MODES": ("note", "latency has more than one mode"),
    "W-CORRELATED": ("note", "samples follow each other: they count for fewer than there are"),
    "W-OUTLIERS": ("note", "samples far from the rest; none was dropped"),
    "W-NOISY": ("degraded", "the slow samples are far from the median: the machine is too noisy"),
    "W-FEW-SAMPLES": (
        "degraded",
        "too few samples, or too few independent ones, for the percentile that was asked for",
    ),
    "W-OVERHEAD": ("degraded", "the harness itself takes more than 1 % of what it measures"),
    "W-OVERLOAD": ("invalid", "work arrives faster than it is done: the queue grows without end"),
    "W-LATE-START": ("note", "inferences began later than they were due although nothing ran"),
    "W-PRECISION": ("degraded", "layers ran in another precision than was asked for"),
    "W-ISA-INT8": ("note", "the CPU has no int8 dot product"),
    "W-NO-SENSOR": ("note", "power, or whether a clock fell, is unknown"),
}
"""Severity and meaning of every code; codes stay, so that scripts can name them."""


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that speaks against a measurement."""

    code: str
    message: str
    """What was seen, with its numbers, and what to do about it."""
    evidence: dict[str, float | str] = {}

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return CODES[self.code][0]


class Validity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict on one measurement."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()


def judged(findings: Iterable[Finding], strict: frozenset[str] = frozenset()) -> Validity:
    """The worst of all findings decides; a code in ``strict`` makes a measurement invalid."""
    found = tuple(findings)
    severities = {"invalid" if finding.code in strict else finding.severity for finding in found}
    verdict: Verdict = "invalid" if "invalid" in severities else "degraded" if "degraded" in severities else "valid"
    return Validity(verdict, found)


def invalid_because(validity: Validity, strict: frozenset[str] = frozenset()) -> str | None:
    """What made a measurement invalid, in words; ``None`` when it is not.

    Args:
        validity: the verdict.
        strict: the codes that it was judged with.
    """
    if validity.verdict != "invalid":
        return None
    blamed = [one for one in validity.findings if one.severity == "invalid" or one.code in strict]
    return "; ".join(f"{finding.code}: {finding.message}" for finding in blamed)
