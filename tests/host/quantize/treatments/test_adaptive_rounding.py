"""Rounding by second moments errs where it costs least."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.errors import Unsupported
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.treatments.adaptive_rounding import rounded_second_order
from edgetl.host.quantize.treatments.moments import collect_moments
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array


def error(lost: Array, moments: Array) -> Array:
    """Of every output, ``(groups, outputs)``."""
    return np.asarray(np.einsum("goi,gij,goj->go", lost, moments, lost))


def problem(seed: int, groups: int = 2, outputs: int = 3, inputs: int = 6) -> tuple[Array, Array]:
    """Weights within [-8, 8] and moments of few, correlated rows with a mean."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(1, 1, (groups, 40, 2)) @ rng.normal(size=(groups, 2, inputs))
    rows += rng.normal(0, 0.1, (groups, 40, inputs))
    return rng.uniform(-8, 8, (groups, outputs, inputs)), rows.transpose(0, 2, 1) @ rows / 40


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), largest=st.sampled_from([4, 8, 127]))
def test_no_output_gets_worse_and_no_integer_leaves_its_range(seed: int, largest: int) -> None:
    weights, moments = problem(seed)

    found = rounded_second_order(weights, largest, moments)

    nearest = np.clip(np.rint(weights), -largest, largest)
    assert np.all(error(weights - found, moments) <= error(weights - nearest, moments))
    assert np.abs(found).max() <= largest
    np.testing.assert_array_equal(found, np.rint(found))


def test_errors_come_near_the_least_that_rounding_up_or_down_can_give() -> None:
    ratios = []
    for seed in range(10):
        weights, moments = problem(seed, groups=1, outputs=1)
        ways = [np.floor(weights) + np.array(up) for up in itertools.product((0, 1), repeat=weights.shape[2])]
        best = min(float(error(weights - way, moments).sum()) for way in ways)
        nearest = float(error(weights - np.rint(weights), moments).sum())
        found = float(error(weights - rounded_second_order(weights, 127, moments), moments).sum())
        ratios.append((found / nearest, best / nearest))

    found, best = np.median(ratios, axis=0)
    assert best < found < 0.5


def test_numbers_that_do_not_go_together_are_rounded_to_the_nearest() -> None:
    weights, _ = problem(0)

    found = rounded_second_order(weights, 127, np.stack([np.diag([1.0, 2, 3, 4, 5, 6])] * 2))

    np.testing.assert_array_equal(found, np.rint(weights))


def test_inputs_that_are_always_zero_are_rounded_to_the_nearest() -> None:
    weights, _ = problem(0)

    np.testing.assert_array_equal(rounded_second_order(weights, 127, np.zeros((2, 6, 6))), np.rint(weights))


def test_moments_that_are_not_positive_definite_are_damped_more() -> None:
    """Their least eigenvalue is -0.5, where a hundredth of the mean variance is not enough."""
    weights = np.random.default_rng(0).uniform(-8, 8, (1, 3, 2))
    moments = np.array([[[1.0, 1.5], [1.5, 1.0]]])

    found = rounded_second_order(weights, 127, moments)

    assert np.abs(found - weights).max() < 1
    np.testing.assert_array_equal(found, np.rint(found))


def test_moments_that_no_damping_mends_leave_each_weight_at_its_nearest() -> None:
    weights = np.random.default_rng(0).uniform(-8, 8, (1, 3, 2))
    moments = np.array([[[1.0, 100.0], [100.0, 1.0]]])

    np.testing.assert_array_equal(rounded_second_order(weights, 127, moments), np.rint(weights))


def test_moments_of_another_graph_are_refused(hard: Path, calibration: tuple[Array, ...], tmp_path: Path) -> None:
    record = calibrate(hard, calibration)
    moments = replace(collect_moments(hard, calibration[:2]), graph_sha256="another")
    settings = RenderSettings(frozenset({"head"}), None, ("adaptive-rounding",), moments)

    with pytest.raises(Unsupported, match="moments are of another graph"):
        find(RENDERINGS, "x86", "rendering").render(hard, record, tmp_path / "int8.onnx", settings)
