"""Scores, outputs and everything else that is compared beside flips, calibration and thresholds."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edgetl.decisions import Decisions
from edgetl.device.tasks import DeviceTask, Pair
from edgetl.device.tasks.classify import TASK
from edgetl.device.tasks.likeness import likeness
from edgetl.device.tasks.multilabel import MultilabelTask
from edgetl.device.tasks.probabilities import sigmoid, softmax
from edgetl.device.tasks.tensor import TASK as TENSOR
from edgetl.errors import Unsupported
from edgetl.gates import Gates
from edgetl.tensors import Array

CLASSES = ("a", "b", "c")


def logits(seed: int, n: int = 60) -> dict[str, Array]:
    return {"logits": np.random.default_rng(seed).normal(0, 2, (n, 3)).astype(np.float32)}


def test_scores_of_a_classifier_move_as_the_probabilities_do() -> None:
    before, after = logits(0), {"logits": logits(0)["logits"] / 2}
    truth = np.random.default_rng(3).integers(0, 3, 60)
    top, true = TASK.compare(Pair(before, after, truth), CLASSES, seed=0).shifts
    a, b = softmax(before["logits"]), softmax(after["logits"])
    assert (top.score, top.n) == ("top score", 60)
    assert (top.reference, top.candidate) == (pytest.approx(a.max(axis=1).mean()), pytest.approx(b.max(axis=1).mean()))
    assert top.quantiles[2] == pytest.approx(np.median(b.max(axis=1) - a.max(axis=1)))
    assert true.score == "score of the true class"
    change = b[np.arange(60), truth] - a[np.arange(60), truth]
    assert true.candidate - true.reference == pytest.approx(change.mean())
    assert true.quantiles == pytest.approx(tuple(np.quantile(change, (0.05, 0.25, 0.5, 0.75, 0.95))))


def test_scores_of_true_labels_are_all_those_a_sample_has() -> None:
    before, after = logits(0), logits(1)
    truth = np.random.default_rng(2).integers(0, 2, (60, 3))
    _, true = MultilabelTask().compare(Pair(before, after, truth), CLASSES, seed=0).shifts
    assert true.n == truth.sum()
    assert true.candidate == pytest.approx(sigmoid(after["logits"])[truth == 1].mean())
    (only,) = MultilabelTask().compare(Pair(before, after, 0 * truth), CLASSES, seed=0).shifts
    assert only.score == "top score"


@pytest.mark.parametrize("task", [TASK, MultilabelTask(), TENSOR], ids=["classify", "multilabel", "tensor"])
def test_equal_outputs_change_nothing_and_survive_json(task: DeviceTask) -> None:
    truth = np.random.default_rng(1).integers(0, 2, (60, 3) if task.name == "multilabel" else 60)
    found = task.compare(Pair(logits(0), logits(0), truth), CLASSES, seed=0)
    assert found.flips is not None
    assert (found.n, found.flips.count, found.flips.kinds) == (60, 0, ())
    assert all(recall.drop.value == 0 for recall in found.recalls)
    assert all(shift.quantiles == (0, 0, 0, 0, 0) for shift in found.shifts)
    assert all(output.relative == 0 for output in found.outputs)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Decisions) == found


@pytest.mark.parametrize("task", [TASK, MultilabelTask()], ids=["classify", "multilabel"])
def test_outputs_that_are_not_numbers_are_refused(task: DeviceTask) -> None:
    bad = logits(0)
    bad["logits"][3, 1] = np.nan
    truth = np.zeros((60, 3) if task.name == "multilabel" else 60, np.int64)
    with pytest.raises(Unsupported, match="1 of 60 samples are NaN"):
        task.compare(Pair(logits(0), bad, truth), CLASSES, seed=0)


def test_outputs_without_labels_have_an_error_each_and_flips_of_the_first() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(40, 5, 4)).astype(np.float32)
    moved = scores.copy()
    moved[3, 1] = np.roll(moved[3, 1], 1)
    moved[3, 4] = np.roll(moved[3, 4], 1)
    reference = {"scores": scores, "flat": np.zeros((40, 2), np.float32), "bad": np.full((40, 2), np.inf, np.float32)}
    found = TENSOR.compare(Pair(reference, reference | {"scores": moved}, np.zeros(0, np.int64)), (), seed=0)
    assert found.flips is not None
    assert (found.n, found.flips.count, found.flips.rate.n) == (40, 1, 40)
    assert sum(kind.count for kind in found.flips.kinds) == 2
    assert (found.flips.harmful, found.flips.mcnemar_p) == (None, None)
    errors = {output.output: output for output in found.outputs}
    expected = np.sqrt(np.square(scores - moved).mean(axis=0).sum() / scores.var(axis=0, ddof=1).sum())
    assert errors["scores"].relative == pytest.approx(expected)
    assert errors["flat"].relative == 0
    assert "NaN or infinite" in errors["bad"].reason


def test_outputs_with_nothing_to_choose_from_flip_nothing() -> None:
    one = {"value": np.ones((4, 1), np.float32)}
    found = TENSOR.compare(Pair(one, {"value": one["value"] * 1.1}, np.zeros(0, np.int64)), (), seed=0)
    assert found.flips is None
    assert found.outputs[0].relative is None
    assert "the same for all samples" in found.outputs[0].reason


def test_the_error_that_is_reported_is_the_one_that_gates_judge() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(200, 16)) + 1000.0
    pair = Pair({"y": reference}, {"y": reference + 0.05 * rng.normal(size=(200, 16))}, np.zeros(0, np.int64))
    (output,) = TENSOR.compare(pair, (), seed=0).outputs
    judged = likeness(pair, TENSOR, Gates(output_error_max=0.1))
    assert output.relative == judged.value == pytest.approx(0.05, rel=0.1)


def test_outputs_of_other_shapes_are_refused() -> None:
    with pytest.raises(Unsupported, match="must be the same to be compared"):
        TENSOR.compare(Pair(logits(0), logits(0, n=3), np.zeros(0, np.int64)), (), seed=0)


@pytest.mark.parametrize(("entries", "are_told"), [(50, True), (51, False)])
def test_which_entry_becomes_the_largest_is_told_of_what_may_be_classes(entries: int, are_told: bool) -> None:
    scores = np.random.default_rng(0).normal(size=(200, entries)).astype(np.float32)
    pair = Pair({"y": scores}, {"y": np.roll(scores, 1, axis=1)}, np.zeros(0, np.int64))
    found = TENSOR.compare(pair, (), seed=0)
    assert found.flips is not None
    assert found.flips.count == 200
    assert sum(kind.count for kind in found.flips.kinds) == (200 if are_told else 0)
