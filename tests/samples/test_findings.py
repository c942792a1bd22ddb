"""What speaks against a series, in codes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.samples.findings import noisy_findings, series_findings
from edgetl.validity import Finding, judged


def quiet(n: int = 1_000, seed: int = 1) -> list[int]:
    return [int(one) for one in np.random.default_rng(seed).normal(1e6, 1e4, n).clip(0.97e6, 1.03e6)]


def codes(samples: Sequence[int], steady: bool = True, percent: float = 99.0, blocks: int = 20) -> dict[str, Finding]:
    lengths = [len(part) for part in np.array_split(np.arange(len(samples)), blocks)]
    return {one.code: one for one in (*series_findings(samples, lengths, steady, percent), *noisy_findings(samples))}


def test_nothing_speaks_against_a_quiet_series() -> None:
    assert codes(quiet()) == {}


def test_warm_up_that_did_not_settle_is_named() -> None:
    assert set(codes(quiet(), steady=False)) == {"W-UNSTEADY"}


def test_drift_is_named_with_its_size() -> None:
    found = codes([int(one * (1 + place / 5_000)) for place, one in enumerate(quiet())])
    assert found["W-DRIFT"].evidence["change"] == pytest.approx(0.12, abs=0.03)
    assert "the median changed by +1" in found["W-DRIFT"].message


def test_modes_are_named_with_their_places() -> None:
    found = codes([one * (1 + place % 2) for place, one in enumerate(quiet())])
    assert found["W-MODES"].message.startswith("2 modes, at ")
    assert found["W-MODES"].evidence["mode2_ns"] == pytest.approx(2e6, rel=0.02)


def test_correlated_samples_are_named_with_what_they_count_for() -> None:
    found = codes([one for one in quiet(100) for _ in range(10)])
    assert found["W-CORRELATED"].evidence["effective_n"] < 200
    assert judged(found.values()).verdict == "degraded"
    few = found["W-FEW-SAMPLES"]
    assert "independent ones (lag-1 autocorrelation 0." in few.message
    assert few.message.endswith(
        ", fewer than the 662 that p99 needs; give a longer --effort, or believe a lower percentile"
    )
    assert few.evidence["effective_n"] == found["W-CORRELATED"].evidence["effective_n"]
    assert (few.evidence["n"], few.evidence["needed"]) == (1_000, 662)


def test_correlation_that_leaves_enough_says_what_it_spoils() -> None:
    found = codes([one for one in quiet(500) for _ in range(10)], percent=90.0)
    assert "intervals of single percentiles are too narrow" in found["W-CORRELATED"].message
    assert judged(found.values()).verdict == "valid"


def test_outliers_are_counted_and_kept() -> None:
    found = codes([*quiet(), 90_000_000, 80_000_000])
    assert found["W-OUTLIERS"].message.startswith("2 of 1002 samples")
    assert "up to 90 ms; all are kept" in found["W-OUTLIERS"].message


def test_slow_tenth_is_noise() -> None:
    random = np.random.default_rng(2)
    found = codes([int(one) for one in 1e6 + random.exponential(1e6, 1_000)])
    assert found["W-NOISY"].evidence["p90_ns"] > 1.5 * float(found["W-NOISY"].evidence["p50_ns"])


@pytest.mark.parametrize(
    ("p90_ns", "shown"), [(1_600_000, "1.60"), (1_500_010, "1.50001"), (1_504_000, "1.504")], ids=str
)
def test_noise_just_above_its_limit_does_not_look_like_the_limit(p90_ns: int, shown: str) -> None:
    found = codes([1_000_000] * 800 + [p90_ns] * 200)
    assert f"p90 is {shown} times the median (at most 1.5 on a quiet machine)" in found["W-NOISY"].message


def test_too_few_samples_for_the_percentile_asked_for() -> None:
    assert "p99 needs 662 inferences, got 661" in codes(quiet(661))["W-FEW-SAMPLES"].message
    assert "W-FEW-SAMPLES" not in codes(quiet(662))


def test_too_few_samples_say_in_how_much_time_so_many_are_needed() -> None:
    within = "p99 needs 662 inferences in at most 60 s"
    (few,) = series_findings(quiet(661), (661,), True, 99.0, most_s=60.0)
    assert few.message == f"{within}, got 661; give a longer --effort, or believe a lower percentile"


def test_too_few_independent_samples_do_not_say_that_there_are_too_few() -> None:
    correlated = [one for one in quiet(100) for _ in range(10)]
    found = {one.code: one for one in series_findings(correlated, (1_000,), True, 99.0, most_s=60.0)}
    assert "in at most" not in found["W-FEW-SAMPLES"].message


def test_without_samples_that_alone_is_said() -> None:
    (only,) = series_findings((), (), True, 50.0)
    assert only.evidence == {"n": 0, "needed": 11}


def test_every_code_has_a_severity() -> None:
    samples = [one * (1 + place % 2) for place, one in enumerate(quiet(60))] + [90_000_000]
    found = codes(samples, steady=False)
    assert judged(found.values()).verdict == "degraded"


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(1, 12), st.booleans())
def test_any_samples_can_be_judged(samples: list[int], blocks: int, steady: bool) -> None:
    found = codes(samples, steady, blocks=min(blocks, max(len(samples), 1)))
    assert "W-FEW-SAMPLES" in found
    assert all("nan" not in finding.message for finding in found.values())
