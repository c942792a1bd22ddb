"""Calibration error and temperature, against brute force and against what was put in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.tasks.calibration import (
    EACH_BY_ITSELF,
    ONE_OF_SEVERAL,
    Link,
    Scored,
    calibration,
    calibration_error,
    error_of,
    temperature,
    tempered_probabilities,
)
from edgetl.device.tasks.probabilities import sigmoid, softmax
from edgetl.tensors import Array

LINKS = pytest.mark.parametrize("link", [ONE_OF_SEVERAL, EACH_BY_ITSELF], ids=["softmax", "sigmoid"])


def calibrated(link: Link, n: int = 4000, seed: int = 0) -> Scored:
    """Logits whose probabilities are those that targets were drawn with."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, 3))
    if link is ONE_OF_SEVERAL:
        drawn = (softmax(logits).cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
        return Scored(logits, np.eye(3)[drawn], link)
    return Scored(logits, (rng.random((n, 3)) < sigmoid(logits)).astype(np.float64), link)


def log_loss(scored: Scored, divisor: float) -> float:
    found = np.clip(scored.probabilities(divisor), 1e-300, 1 - 1e-16)
    if scored.link is ONE_OF_SEVERAL:
        return float(-(scored.targets * np.log(found)).sum(axis=1).mean())
    return float(-(scored.targets * np.log(found) + (1 - scored.targets) * np.log1p(-found)).sum(axis=1).mean())


@LINKS
@pytest.mark.parametrize("sharpened", [0.4, 1.0, 3.0])
def test_the_temperature_is_what_the_logits_were_multiplied_with(link: Link, sharpened: float) -> None:
    scored = calibrated(link)
    found = temperature(Scored(scored.logits * sharpened, scored.targets, link))
    assert found == pytest.approx(sharpened, rel=0.08)


@LINKS
def test_no_other_temperature_has_less_log_loss(link: Link) -> None:
    scored = calibrated(link, n=200)
    found = temperature(scored)
    assert found is not None
    least = log_loss(scored, found)
    assert all(least <= log_loss(scored, other) + 1e-12 for other in np.geomspace(found / 5, found * 5, 41))


@LINKS
def test_scores_that_are_always_right_or_know_nothing_have_no_temperature(link: Link) -> None:
    scored = calibrated(link, n=100)
    right = Scored(scored.targets * 2 - 1, scored.targets, link)
    wrong = Scored(-right.logits, scored.targets, link)
    assert temperature(right) is None
    assert temperature(wrong) is None
    found = calibration(scored, right, seed=0)
    assert (found.temperature, found.tempered) == (None, None)
    assert "no temperature" in found.reason
    assert found.reference_temperature is not None


@LINKS
def test_a_temperature_mends_scores_that_are_too_sure(link: Link) -> None:
    scored = calibrated(link, n=1500)
    found = calibration(scored, Scored(scored.logits * 3, scored.targets, link), seed=0)
    assert found.tempered is not None
    assert found.candidate > found.reference + 0.05
    assert found.tempered < found.candidate / 2
    assert found.change.value == pytest.approx(found.candidate - found.reference)
    assert 0.05 < found.change.ci95[0] < found.change.value < found.change.ci95[1]
    assert found.reason == ""


def test_each_sample_is_tempered_by_what_was_fitted_without_it() -> None:
    scored = calibrated(ONE_OF_SEVERAL, n=40)
    before = tempered_probabilities(scored, seed=0)
    targets = scored.targets.copy()
    targets[7] = np.roll(targets[7], 1)
    after = tempered_probabilities(Scored(scored.logits, targets, ONE_OF_SEVERAL), seed=0)
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(before[7], after[7])
    assert (before != after).any(axis=1).sum() == 32


def test_few_samples_are_not_fitted_on() -> None:
    scored = calibrated(ONE_OF_SEVERAL, n=12)
    assert tempered_probabilities(scored, seed=0) is None
    assert "fewer than 20 samples" in calibration(scored, scored, seed=0).reason


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), statements=st.integers(1, 3))
def test_the_error_is_what_going_through_the_bins_gives(seed: int, statements: int) -> None:
    rng = np.random.default_rng(seed)
    claimed = rng.integers(0, 31, (25, statements)) / 30
    true = rng.integers(0, 2, (25, statements)).astype(np.float64)
    found = calibration_error(claimed, true)(np.ones((25, 1)))[0]
    assert found == pytest.approx(_by_bins(claimed.ravel(), true.ravel()))


def _by_bins(claimed: Array, true: Array) -> float:
    total = 0.0
    for place in range(15):
        low, high = place / 15, (place + 1) / 15
        inside = (claimed > low) & (claimed <= high) if place else claimed <= high
        if inside.any():
            total += inside.mean() * abs(claimed[inside].mean() - true[inside].mean())
    return total


def test_a_calibrated_model_has_hardly_any_error() -> None:
    scored = calibrated(ONE_OF_SEVERAL)
    assert error_of(scored, scored.probabilities())(np.ones((4000, 1)))[0] < 0.03
