"""What each estimator keeps of a tensor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edgetl.errors import Unsupported
from edgetl.host.quantize.estimators import ESTIMATORS
from edgetl.host.quantize.histogram import Observer, TensorRange
from edgetl.host.quantize.record import CalibrationRecord


def seen(*values: np.ndarray) -> TensorRange:  # type: ignore[type-arg]
    observer = Observer("activation")
    for value in values:
        observer.update(value.astype(np.float32))
    return observer.seen()


NORMAL = np.random.default_rng(0).normal(size=(64, 10_000))
OUTLIER = np.array([1000.0])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_relu6_keeps_its_zero_and_stays_within_its_ends(name: str) -> None:
    record = CalibrationRecord("", "", 64, "minmax", {"activation": seen(*np.clip(NORMAL * 3, 0, 6))})

    low, high = record.ranges(name)["activation"]  # type: ignore[arg-type]

    assert low == 0
    assert 5 < high <= 6


@pytest.mark.parametrize("name", ["percentile", "mse", "entropy"])
def test_a_lone_outlier_does_not_cost_the_resolution(name: str) -> None:
    _, high = ESTIMATORS[name](seen(*np.abs(NORMAL), *[OUTLIER]))

    assert 3 < high < 1000


def divergence(histogram: TensorRange, last: int) -> float:
    """Of what was seen from itself in 255 steps up to the end of bin ``last``, straight from the definition."""
    counts = [float(count) for count in histogram.counts]
    step = (last + 1) / 255
    levels: dict[int, list[int]] = {}
    for bin_ in range(last + 1):
        if counts[bin_]:
            levels.setdefault(round((bin_ + 0.5) / step), []).append(bin_)
    # a step tells nothing of the bins that it holds, so each is as likely as the others
    quantized = {bin_: sum(counts[one] for one in held) / len(held) for held in levels.values() for bin_ in held}
    inside, everything = sum(counts[: last + 1]), sum(counts)
    told = 0.0
    for bin_ in range(last + 1):
        likely = (counts[bin_] + (sum(counts[last + 1 :]) if bin_ == last else 0.0)) / everything
        told += likely * math.log(likely / (quantized.get(bin_, 0.0) / inside + 1e-9)) if likely else 0.0
    return told


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("seed", range(3))
def test_entropy_finds_what_a_search_over_all_ends_finds(seed: int, sign: int) -> None:
    """The divergence is nearly the least there is, and the end within two of the 64 steps of the search."""
    values = np.random.default_rng(seed).lognormal(size=(64, 10_000))
    histogram = seen(*values)
    assert histogram.first == 0
    every = {last: divergence(histogram, last) for last in range(127, len(histogram.counts), 8)}
    best = min(every, key=lambda last: every[last])

    low, high = ESTIMATORS["entropy"](seen(*values * sign))

    end = max(-low, high)
    assert min(-low, high) == 0
    assert divergence(histogram, round(end / histogram.width) - 1) < 1.5 * every[best] < every[max(every)] / 3
    assert end == pytest.approx((best + 1) * histogram.width, abs=2 * histogram.high / 64)


@pytest.mark.parametrize("limit", [1.0, 0.7, 2.1])
def test_entropy_keeps_both_ends_of_what_saturates_there(limit: float) -> None:
    """Wherever in its bin the largest value lies."""
    low, high = ESTIMATORS["entropy"](seen(*np.clip(NORMAL, -limit, limit)))

    assert (low, high) == (pytest.approx(-limit), pytest.approx(limit))


def test_entropy_takes_no_notice_of_zeros_that_a_relu_made() -> None:
    values = np.random.default_rng(0).exponential(size=(64, 10_000))

    ends = {ESTIMATORS["entropy"](seen(*values, *np.zeros((times, 10_000)))) for times in (1, 64)}

    assert len(ends) == 1


def test_minmax_keeps_everything() -> None:
    assert ESTIMATORS["minmax"](seen(NORMAL[0], OUTLIER))[1] == 1000


def test_mse_is_no_worse_than_the_others() -> None:
    values = np.random.default_rng(1).laplace(size=10_000).astype(np.float32)
    histogram = seen(values)

    def error(ends: tuple[float, float]) -> float:
        step = (ends[1] - ends[0]) / 255
        return float(np.mean((values - np.clip(np.round(values / step) * step, *ends)) ** 2))

    errors = {name: error(estimate(histogram)) for name, estimate in ESTIMATORS.items()}
    assert errors["mse"] <= 1.02 * min(errors.values())


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("value", [0.0, 3.5, -2.0])
def test_a_constant_tensor_has_a_range_with_zero_in_it(name: str, value: float) -> None:
    record = CalibrationRecord("", "", 16, "minmax", {"activation": seen(np.full(100, value))})

    low, high = record.ranges(name)["activation"]  # type: ignore[arg-type]

    assert low <= min(0.0, 0.9 * value)
    assert high >= max(0.0, 0.9 * value)


def test_an_unknown_estimator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Unsupported, match="'median'; expected one of: minmax, percentile, mse"):
        CalibrationRecord("", "", 16, "minmax", {}).ranges("median")  # type: ignore[arg-type]
