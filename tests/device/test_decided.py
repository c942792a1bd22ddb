"""A limit on latency is decided by what the samples prove, and the run goes on until they do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgetl.device.bench.plan import EXTENSION, PLANS
from edgetl.device.bench.timing import Subject, Timed, latency
from edgetl.device.decided import time_until_decided
from edgetl.device.latency_gates import gate_checks, is_undecided
from edgetl.gates import TargetGates
from edgetl.progress import Silent
from edgetl.result import Cold

MS = 1_000_000
LIMIT = TargetGates(latency_p99_ms_max=10.0)
COLD = Cold(1, 1, 1, 1)


class Device:
    """Takes 9 ms, but misses a limit of 10 ms in a share of all inferences; its clock moves only when it works."""

    def __init__(self, seed: int) -> None:
        self.now_ns = 0
        self._random = np.random.default_rng(seed)

    def clock(self) -> int:
        return self.now_ns

    def subject(self, missed: float) -> Subject:
        late = iter((self._random.random(200_000) < missed).tolist())

        def call() -> None:
            self.now_ns += 11 * MS if next(late) else 9 * MS

        return call


def timed(missed: float, seed: int, gates: TargetGates = LIMIT) -> Timed:
    device = Device(seed)
    subjects = {"one": device.subject(missed)}
    return time_until_decided(subjects, "standard", gates, device.clock, Silent())["one"]


def passes(missed: float, seed: int) -> bool:
    (check,) = gate_checks(latency(timed(missed, seed), "infer"), COLD, LIMIT)
    return check.passed


@pytest.mark.parametrize("missed", [0.012, 0.015])
def test_a_device_that_misses_its_limit_hardly_ever_passes(missed: float) -> None:
    assert sum(passes(missed, seed) for seed in range(150)) <= 3


def test_a_device_that_is_within_its_limit_nearly_always_passes() -> None:
    assert sum(passes(0.003, seed) for seed in range(60)) >= 58


def test_a_run_goes_on_only_while_more_samples_might_show_something() -> None:
    at_once, late = timed(0.0, 1), timed(0.05, 1)
    assert len(at_once.samples_ns) < 1_000
    assert len(late.samples_ns) < 1_000
    assert len(timed(0.0, 1, TargetGates()).samples_ns) < 1_000


def test_a_run_at_its_limit_ends_when_its_time_is_up() -> None:
    shares = [timed(0.0095, seed).wall_ns / (EXTENSION * PLANS["standard"].cap_s * 1e9) for seed in range(8)]
    assert 0.7 < max(shares) < 1.1


def test_a_slow_model_gets_the_samples_that_its_limit_needs() -> None:
    device = Device(0)

    def call() -> None:
        device.now_ns += 150 * MS

    gates = TargetGates(latency_p99_ms_max=200.0)
    found = time_until_decided({"slow": call}, "standard", gates, device.clock, Silent())["slow"]
    (check,) = gate_checks(latency(found, "infer"), COLD, gates)
    assert check.passed


def test_all_subjects_go_on_together_and_their_blocks_add_up() -> None:
    device = Device(3)
    subjects = {"good": device.subject(0.0), "unsure": device.subject(0.004)}
    found = time_until_decided(subjects, "quick", LIMIT, device.clock, Silent())
    assert {len(one.blocks) for one in found.values()} == {len(found["good"].blocks)}
    assert all(sum(one.blocks) == len(one.samples_ns) for one in found.values())
    assert all(len(one.block_starts_ns) == len(one.block_walls_ns) == len(one.blocks) for one in found.values())
    assert len(found["good"].samples_ns) > 2_000


SAMPLES: dict[str, Callable[[], list[int]]] = {
    "proven": lambda: [9 * MS] * 700,
    "missed": lambda: [9 * MS] * 600 + [11 * MS] * 100,
    "unsure": lambda: [9 * MS] * 697 + [11 * MS] * 3,
    "too few": lambda: [9 * MS] * 100,
}


@pytest.mark.parametrize(("case", "undecided"), [("proven", 0), ("missed", 0), ("unsure", 1), ("too few", 1)])
def test_what_is_undecided(case: str, undecided: int) -> None:
    samples = SAMPLES[case]()
    assert is_undecided(latency(Timed(tuple(samples), (len(samples),), 0, True), "infer"), LIMIT) == bool(undecided)


def test_what_is_lost_by_one_limit_is_not_undecided_by_another() -> None:
    found = latency(Timed((9 * MS,) * 100, (100,), 0, True), "infer")
    assert not is_undecided(found, TargetGates(latency_p50_ms_max=5.0, latency_p99_ms_max=10.0))
