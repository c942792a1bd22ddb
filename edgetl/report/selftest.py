"""What the harness proved about itself, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgetl.check import Check
from edgetl.report.accuracy import checks_table
from edgetl.report.page import Column, Page, Table
from edgetl.validity import Finding


class SelfTest(Protocol):
    """What was found."""

    @property
    def checks(self) -> Sequence[Check]:
        """Each with its limit."""

    @property
    def findings(self) -> Sequence[Finding]:
        """What speaks against the machine."""

    @property
    def passed(self) -> bool:
        """Whether every check did."""


def selftest_page(found: SelfTest) -> Page:
    """Every check, and what the machine is too noisy for."""
    verdict = _verdict(found)
    noise = Table(
        "What speaks against this machine now",
        (Column("Code"), Column("What was seen")),
        tuple((finding.code, finding.message) for finding in found.findings),
    )
    tables = (checks_table("Checks", found.checks), noise)
    return Page("Self-test of the latency harness", (verdict,), tuple(table for table in tables if table.rows))


def _verdict(found: SelfTest) -> str:
    if not found.passed:
        return "FAILED: do not believe numbers measured here."
    if found.findings:
        return "Nothing failed, but this machine is too noisy to judge all of it now: stop other work and repeat."
    return "The harness can be trusted here."
