"""One rung: what it is judged on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from edgetl.host.adapt import Adapted, FittedHead, Head
from edgetl.host.judge import select
from edgetl.host.ladder import Ascent
from edgetl.host.ladder.ascent import Purse
from edgetl.host.ladder.attempts import attempt, made
from edgetl.host.ladder.rungs import FIRST, tuned
from edgetl.host.variants import Refit
from edgetl.tensors import Array

AscentOf = Callable[..., Ascent]
TRAINED = tuned(FIRST[0], 60.0)


class NoOptions(msgspec.Struct, frozen=True):
    """Nothing to choose."""


class Refitting:
    """Gives the network's own head, and predictions on training images that are all right."""

    name = "refitting"
    options = NoOptions

    def __init__(self, out_of_fold: Array) -> None:
        self.out_of_fold = out_of_fold

    def adapt(self, context: Any) -> Adapted:
        raise AssertionError("nothing is adapted here")

    def refit(self, context: Any, features: Any, regularisation: float | None) -> FittedHead | None:
        head = Head(np.float32([[-1, 1, -0.5, 0], [1, -1, 0.5, 0]]), np.zeros(2, np.float32))
        return FittedHead(head, 1.0, self.out_of_fold, {}, {}, True)


@pytest.fixture
def refitting(ascent: AscentOf) -> AscentOf:
    """Makes climbs whose method fits heads apart from their trunks."""

    def make(**how: Any) -> Ascent:
        plain = ascent(**how)
        workspace = plain.workspace
        right = np.eye(2, dtype=np.float32)[workspace.truth(workspace.splits.train)]
        backbone = SimpleNamespace(name="lightness", weights_sha256="")
        context: Any = SimpleNamespace(options=NoOptions(), workspace=workspace, backbone=backbone)
        refit = Refit(Refitting(right), context, None)
        return replace(plain, made=replace(plain.made, out_of_fold=right), refit=refit)

    return make


def test_a_graph_whose_head_was_fitted_again_is_judged_on_training_images_too(refitting: AscentOf) -> None:
    asked = refitting()
    tried = attempt(asked, FIRST[0], Purse(60.0))
    assert tried.attempt.head == "fitted again"
    assert tried.attempt.check is not None
    assert tried.attempt.check.n == 240


def test_a_graph_that_was_trained_is_not_judged_on_images_that_it_was_trained_on(refitting: AscentOf) -> None:
    asked = refitting(spread=30.0)
    tried = attempt(asked, TRAINED, Purse(60.0))
    assert tried.attempt.head == "fitted again"
    assert tried.attempt.check is not None
    assert tried.attempt.check.n == len(asked.workspace.splits.validation) == 180
    with made(asked, TRAINED) as variant:
        assert select(variant, asked.jury).split == "validation"
