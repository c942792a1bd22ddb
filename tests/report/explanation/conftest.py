"""An explanation of three layers, of which the first brings nearly all noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgetl.check import Check
from edgetl.explanation import SCHEMA, Channels, Executed, Explanation, Grid, LayerExplanation, Profiled, Seen
from edgetl.ladder import OUT_OF_TIME, Attempt, Ladder

GOOD = {"grid": Grid(-1.0, 1.0, 2 / 255, "uint8"), "seen": Seen(-1.0, 1.0, 0.5), "channels": Channels(8, 2.0, 0)}


def layer(name: str, noise: float | None = 0.0, **changed: Any) -> LayerExplanation:
    """A layer with nothing to complain of but what is changed."""
    values: dict[str, Any] = {
        "op": "Conv",
        "is_depthwise": False,
        "tensor": f"{name}.out",
        "reads": (),
        "precision": "int8",
        "operations_share": 0.25,
        "rounding_sqnr_db": 45.0,
        "clipped": 0.01,
        "weights_sqnr_db": 42.0,
        "sqnr_db": 35.0,
        "executed": (Executed("onnxruntime", "int8"),),
        **GOOD,
        **changed,
    }
    return LayerExplanation(name=name, noise=noise, **values)


@pytest.fixture
def layer_of() -> Callable[..., LayerExplanation]:
    """Makes layers."""
    return layer


@pytest.fixture
def ladder() -> Ladder:
    """One attempt, which fails, and no time for another."""
    missed = Check("accuracy drop", 0.2, 0.005, "fraction", False, "drop 20.00 points")
    attempt = Attempt("head as it was", "as it was", "percentile", False, missed, "accuracy drop: drop 20.00 points")
    return Ladder(
        "x86-vnni", "first", 600.0, (attempt,), attempt.name, False, (attempt.name,), OUT_OF_TIME, "int8 share"
    )


@pytest.fixture
def explanation_of(ladder: Ladder) -> Callable[..., Explanation]:
    """Makes explanations of layers; profiled by onnxruntime, which is all that is installed."""

    def make(*layers: LayerExplanation, ladder: Ladder = ladder) -> Explanation:
        runtimes = (Profiled("onnxruntime", "a profile"), Profiled("openvino", None, "openvino is not installed"))
        return Explanation(SCHEMA, ladder.rendering, 32, ladder, runtimes, layers)

    return make
