"""What each estimator keeps of a tensor."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", ["percentile", "mse"])
def test_a_lone_outlier_does_not_cost_the_resolution(name: str) -> None:
    _, high = ESTIMATORS[name](seen(*np.abs(NORMAL), *[OUTLIER]))

    assert 3 < high < 1000


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
