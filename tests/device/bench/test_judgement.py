"""What speaks against one candidate of a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from edgetl.device.bench.judgement import Run, verdict
from edgetl.device.bench.timing import Timed
from edgetl.scenario import Scenario
from edgetl.validity import Validity

QUIET: Any = SimpleNamespace(findings=())
"""A watch that saw nothing."""


def judged(walls_ns: list[int]) -> Validity:
    """An offline run of 100 inferences in each block."""
    count = len(walls_ns)
    timed = Timed((), (), 9, True, tuple(range(count)), tuple(walls_ns), (100,) * count)
    return verdict("a", timed, Run(Scenario("offline"), "sustained", {}, QUIET, frozenset()))


def walls(blocks: int) -> list[int]:
    return [int(one) for one in np.random.default_rng(0).lognormal(0, 0.01, blocks) * 1e9]


def test_steady_blocks_of_an_offline_run_are_valid() -> None:
    assert judged(walls(60)) == Validity("valid", ())


def test_offline_blocks_that_become_seven_times_slower_are_not_believed() -> None:
    found = judged([round(wall * (1 + place / 10)) for place, wall in enumerate(walls(60))])
    assert (found.verdict, {one.code for one in found.findings}) == ("degraded", {"W-DRIFT", "W-NOISY"})


def test_a_few_slow_offline_blocks_are_noise() -> None:
    found = judged([wall * (3 if place % 7 == 3 else 1) for place, wall in enumerate(walls(60))])
    assert {one.code for one in found.findings} == {"W-NOISY"}
