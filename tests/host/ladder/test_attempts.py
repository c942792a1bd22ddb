"""One rung: what it is judged on, and that its failure is its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from onnx import numpy_helper

from edgetl.errors import BackendError, DataError
from edgetl.gates import Gates
from edgetl.host.adapt import Adapted, FittedHead, Folds, Head
from edgetl.host.graph import read_graph, weights_of
from edgetl.host.inference import Engine
from edgetl.host.judge import select
from edgetl.host.ladder import Ascent, climb
from edgetl.host.ladder.ascent import Purse
from edgetl.host.ladder.attempts import attempt, made, timed
from edgetl.host.ladder.rungs import FIRST, treated, tuned
from edgetl.host.refit import Refit
from edgetl.host.variants import Calibrated
from edgetl.host.workspace import Workspace
from edgetl.tensors import Array

AscentOf = Callable[..., Ascent]
TRAINED = tuned(FIRST[0], 60.0)


class NoOptions(msgspec.Struct, frozen=True):
    """Nothing to choose."""


class Refitting:
    """Gives the network's own head, and predictions on training images that are all right, or fails."""

    name = "refitting"
    options = NoOptions

    def __init__(self, out_of_fold: Array, failure: Exception | None) -> None:
        self.out_of_fold, self.failure = out_of_fold, failure

    def adapt(self, context: Any) -> Adapted:
        raise AssertionError("nothing is adapted here")

    def refit(self, context: Any, features: Any, start: FittedHead | None) -> FittedHead | None:
        if self.failure is not None:
            raise self.failure
        head = Head(np.float32([[-1, 1, -0.5, 0], [1, -1, 0.5, 0]]), np.zeros(2, np.float32))
        folds = Folds((head,), np.zeros(len(self.out_of_fold), np.int64))
        return FittedHead(head, 1.0, self.out_of_fold, {}, {}, True, folds)


@pytest.fixture
def refitting(ascent: AscentOf) -> AscentOf:
    """Makes climbs whose method fits heads apart from their trunks."""

    def make(failure: Exception | None = None, **how: Any) -> Ascent:
        plain = ascent(**how)
        workspace = plain.workspace
        right = np.eye(2, dtype=np.float32)[workspace.truth(workspace.splits.train)]
        backbone = SimpleNamespace(name="lightness", weights_sha256="")
        context: Any = SimpleNamespace(options=NoOptions(), workspace=workspace, backbone=backbone)
        refit = Refit(Refitting(right, failure), context)
        return replace(plain, made=replace(plain.made, out_of_fold=right), refit=refit)

    return make


def test_a_graph_whose_head_was_fitted_again_is_judged_on_training_images_too(refitting: AscentOf) -> None:
    asked = refitting()
    tried = attempt(asked, FIRST[0], Purse(60.0))
    assert tried.attempt.head == "fitted again"
    assert tried.attempt.check is not None
    assert tried.attempt.check.n == 240


def fitted_apart(asked: Ascent, right: bool) -> Ascent:
    """The same, float's head having been fitted apart: its heads of cross-validation are right of all, or none."""
    workspace = asked.workspace
    truth = workspace.truth(workspace.splits.train)
    values = weights_of(read_graph(asked.made.model))
    head = Head(numpy_helper.to_array(values["head.weight"]), numpy_helper.to_array(values["head.bias"]))
    of_fold = [Head(np.zeros_like(head.weight), np.eye(2, dtype=np.float32)[label]) for label in (0, 1)]
    folds = Folds(tuple(of_fold), truth if right else 1 - truth)
    logits = np.eye(2, dtype=np.float32)[truth]
    fitted = FittedHead(head, 1.0, logits, {}, {}, True, folds)
    return replace(asked, made=replace(asked.made, out_of_fold=logits, fitted=fitted))


@pytest.mark.parametrize("right", [True, False])
def test_a_head_as_it_was_is_judged_on_training_images_by_the_heads_of_cross_validation(
    ascent: AscentOf, right: bool
) -> None:
    tried = attempt(fitted_apart(ascent(), right), FIRST[1], Purse(60.0)).attempt
    assert tried.head == "as it was"
    assert tried.check is not None
    # 60 of 240 are training images
    assert (tried.check.n, tried.check.value, tried.passed) == (240, 0.0 if right else 0.25, right)


def test_what_was_trained_is_not_judged_by_heads_of_cross_validation_either(ascent: AscentOf) -> None:
    tried = attempt(fitted_apart(ascent(spread=100.0), True), tuned(FIRST[1], 60.0), Purse(60.0)).attempt
    assert tried.trained is not None
    assert tried.trained.changed_it
    assert tried.check is not None
    assert tried.check.n == 180


def test_heads_of_cross_validation_say_nothing_of_another_head(ascent: AscentOf) -> None:
    asked = fitted_apart(ascent(), True)
    assert asked.made.fitted is not None
    other = replace(asked.made.fitted, head=replace(asked.made.fitted.head, bias=np.float32([0.0, 0.5])))
    tried = attempt(replace(asked, made=replace(asked.made, fitted=other)), FIRST[1], Purse(60.0)).attempt
    assert tried.check is not None
    assert tried.check.n == 180


def test_a_graph_that_training_left_as_it_was_is_judged_as_before(refitting: AscentOf) -> None:
    asked = refitting()
    before, after = (attempt(asked, rung, Purse(60.0)) for rung in (FIRST[0], tuned(FIRST[0], 0.0)))
    assert after.attempt.trained is not None
    assert after.attempt.trained.steps == 0
    assert after.outcome.model_sha256 == before.outcome.model_sha256
    assert after.attempt.check == before.attempt.check


def test_what_another_search_trained_is_trained_again(ascent: AscentOf) -> None:
    asked = ascent(spread=30.0)
    every = replace(asked, quantize=msgspec.structs.replace(asked.quantize, search="all"))
    assert asked.course != every.course
    rung = tuned(FIRST[1], 0.0)
    attempt(asked, rung, Purse(60.0))
    attempt(every, rung, Purse(60.0))
    assert len(list((asked.workspace.cache.root / "tuned").glob("*.onnx"))) == 2


def test_an_attempt_says_how_many_decisions_change_with_the_interval(ascent: AscentOf) -> None:
    asked = ascent(spread=30.0)
    tried = attempt(asked, FIRST[1], Purse(60.0)).attempt
    assert tried.check is not None
    assert tried.check.value is not None
    assert tried.flips is not None
    assert tried.flips.n == tried.check.n == len(asked.workspace.splits.validation)
    assert tried.flips.value >= abs(tried.check.value) > 0
    assert tried.flips.ci95[0] < tried.flips.value < tried.flips.ci95[1]


def test_an_attempt_at_an_embedding_has_no_decisions_to_change(ascent: AscentOf) -> None:
    asked = ascent(task="tensor", gates=Gates(output_error_max=0.5))
    tried = attempt(asked, FIRST[1], Purse(60.0)).attempt
    assert tried.check is not None
    assert tried.flips is None


def test_a_graph_that_was_trained_is_not_judged_on_images_that_it_was_trained_on(refitting: AscentOf) -> None:
    asked = refitting(spread=100.0)
    tried = attempt(asked, TRAINED, Purse(60.0))
    assert tried.attempt.trained is not None
    assert tried.attempt.trained.loss_after < tried.attempt.trained.loss_before
    assert tried.attempt.head == "fitted again"
    assert tried.attempt.check is not None
    assert tried.attempt.check.n == len(asked.workspace.splits.validation) == 180
    with made(asked, TRAINED) as variant:
        assert select(variant, asked.jury).split == "validation"


@pytest.mark.parametrize("failure", [BackendError("it took too much memory"), DataError("it has no images")], ids=repr)
def test_a_graph_that_a_runtime_refuses_leaves_the_others(failure: Exception, refitting: AscentOf) -> None:
    ladder = climb(refitting(failure)).ladder
    refused, passes = ladder.attempts
    assert (refused.name, refused.passed, refused.reason) == ("head fitted again", False, str(failure))
    assert ladder.chosen == passes.name == "head as it was"


def test_what_failed_for_another_reason_than_the_graph_is_tried_again(refitting: AscentOf) -> None:
    """Memory that was short may be there the next time."""
    assert attempt(refitting(BackendError("it took too much memory")), FIRST[0], Purse(60.0)).attempt.reason
    assert attempt(refitting(), FIRST[0], Purse(60.0)).attempt.passed


def test_a_failure_costs_its_time(refitting: AscentOf) -> None:
    asked, purse = refitting(DataError("the disk is away")), Purse(60.0)
    attempt(asked, FIRST[0], purse)
    assert purse.left_s < 60.0


def test_another_cpu_or_another_runtime_is_timed_anew(
    ascent: AscentOf, machine_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def time(machine: Any) -> int:
        asked = ascent(machine=machine)
        timed(asked, attempt(asked, FIRST[1], Purse(60.0)), Purse(60.0))
        return len(machine.timed)

    assert time(machine_of()) == 1
    assert time(machine_of()) == 0
    monkeypatch.setattr("edgetl.host.ladder.attempts.machinery", lambda: {"tools": {"openvino": "2027.1"}})
    assert time(machine_of()) == 1


def test_a_graph_that_cannot_be_timed_is_not_called_the_fastest(
    ascent: AscentOf, machine_of: Callable[..., Any]
) -> None:
    class Refusing(machine_of):  # type: ignore[misc]
        def time_ratio(self, candidate: Engine, reference: Engine, workspace: Workspace) -> float:
            found: float = super().time_ratio(candidate, reference, workspace)
            if found <= 0.5:
                raise BackendError("it cannot be loaded")
            return found

    ladder = climb(ascent(search="all", machine=Refusing())).ladder
    refused = [one for one in ladder.attempts if "it cannot be loaded" in one.untimed_because]
    assert refused
    assert all(one.time_ratio is None and one.name not in ladder.front for one in refused)
    assert ladder.chosen not in [one.name for one in refused]


@pytest.mark.parametrize(("names", "graphs"), [((), 1), (("adaptive-rounding",), 2)], ids=["plain", "with moments"])
def test_another_order_of_images_is_another_graph_where_moments_are_needed(
    names: tuple[str, ...], graphs: int, ascent: AscentOf, tmp_path: Path
) -> None:
    """A record is the same whatever the order, but moments look at other rows of each image."""
    asked = ascent()
    turned = Calibrated(asked.calibrated.record, asked.calibrated.samples[::-1])

    for one in (asked, replace(asked, calibrated=turned, _bases={})):
        with made(one, treated(FIRST[1], names) if names else FIRST[1]):
            pass

    assert len(list((tmp_path / "cache/renderings").glob("*.onnx"))) == graphs
