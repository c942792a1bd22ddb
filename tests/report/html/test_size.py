"""However long a run was, its page stays small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from edgetl.report.document import Subject, report
from edgetl.report.html.page import to_html
from edgetl.report.measured import in_detail
from edgetl.result import CandidateResult, Latency, Result


def long(candidate: CandidateResult, n: int) -> CandidateResult:
    assert candidate.latency is not None
    samples = np.random.default_rng(n).lognormal(15, 0.2, n).astype(int).tolist()
    latency = Latency("infer", n, *(3_000_000,) * 7, 30, True, tuple(samples), (n // 2, n - n // 2), (0, n * 10**7))
    return replace(candidate, latency=latency)


@pytest.mark.parametrize(("candidates", "n"), [(1, 1_000_000), (40, 5_000)], ids=["long", "many"])
def test_page_stays_below_two_megabytes(candidates: int, n: int, full: Result, checked: Any) -> None:
    one = long(full.candidates[1], n)
    several = tuple(replace(one, name=one.name if place == 0 else f"{place}") for place in range(candidates))
    page = to_html(report([Subject("ab" * 32, None, (replace(full, candidates=several),))], in_detail))
    assert len(page) < 2_000_000
    assert checked(page).faults == []
