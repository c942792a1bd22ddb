"""Comparing separate runs keeps its promises, and the checks can fail."""

from __future__ import annotations

from edgetl.device.bench.selftest import separate
from edgetl.device.bench.selftest.noise import Noise


def test_promises_are_kept() -> None:
    assert [check.reason for check in separate.separate_checks(60) if not check.passed] == []


def test_checks_fail_where_runs_are_further_apart_than_their_blocks_show() -> None:
    loud = Noise(machine=0.1, machine_memory=0.9999, block=0.003, sample=0.01)
    found = separate._comparisons(1.0, 30, 0, loud)
    assert not separate._coverage(found).passed
    assert not separate._false_alarms(found).passed
    assert not separate._found(found).passed
