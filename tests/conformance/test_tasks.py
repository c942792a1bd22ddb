"""What every task promises, for every entry of ``TASKS``."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

import msgspec
import numpy as np
import pytest

from edgetl.device.tasks import DeviceTask, Pair
from edgetl.device.tasks.statistics import flip_rate
from edgetl.errors import DataError, Unsupported
from edgetl.gates import Gates
from edgetl.golden import Label
from edgetl.plugins import TASKS, find_task, resolve
from edgetl.tensors import Array

CLASSES = ("a", "b", "c")


@pytest.fixture(params=sorted(TASKS))
def task(request: pytest.FixtureRequest) -> DeviceTask:
    found: DeviceTask = resolve(TASKS[request.param][1])
    return found


@pytest.fixture
def outputs() -> dict[str, Array]:
    return {"logits": np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)}


@pytest.fixture
def labels(task: DeviceTask) -> Array:
    """Truth in the task's own form."""
    places = np.random.default_rng(1).integers(0, 3, 40).tolist()
    forms: list[list[Label]] = [places, [(place,) for place in places]]
    for form in forms:
        with suppress(DataError, Unsupported):
            return task.truth(form, 3)
    return np.array(places)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_task_has_the_name_it_is_listed_under(name: str) -> None:
    assert resolve(TASKS[name][1]).name == name


def test_there_is_one_decision_for_each_sample(task: DeviceTask, outputs: dict[str, Array]) -> None:
    decisions = task.decisions(outputs)
    assert len(decisions) == 40
    assert decisions.dtype == np.int64


def test_equal_outputs_flip_nothing(task: DeviceTask, outputs: dict[str, Array]) -> None:
    assert flip_rate(task.decisions(outputs), task.decisions(outputs)).value == 0


def test_other_outputs_flip_something(task: DeviceTask, outputs: dict[str, Array]) -> None:
    negated = {name: -array for name, array in outputs.items()}
    assert flip_rate(task.decisions(outputs), task.decisions(negated)).value > 0.5


def test_a_comparison_counts_the_flips_of_the_decisions(
    task: DeviceTask, outputs: dict[str, Array], labels: Array
) -> None:
    negated = {name: -array for name, array in outputs.items()}
    for candidate in (outputs, negated):
        found = task.compare(Pair(outputs, candidate, labels), CLASSES, seed=0)
        assert found.n == 40
        assert found.flips is not None
        assert found.flips.rate == flip_rate(task.decisions(outputs), task.decisions(candidate))
        assert (found.flips.harmful is not None) == task.labelled
        assert found == task.compare(Pair(outputs, candidate, labels), CLASSES, seed=0)


def test_outputs_are_left_as_they_were(task: DeviceTask, outputs: dict[str, Array], labels: Array) -> None:
    before = {name: array.copy() for name, array in outputs.items()}
    task.decisions(outputs)
    task.predictions(outputs, CLASSES)
    task.compare(Pair(outputs, outputs, labels), CLASSES, seed=0)
    for name, array in outputs.items():
        np.testing.assert_array_equal(array, before[name])


def test_there_is_one_prediction_for_each_sample(task: DeviceTask, outputs: dict[str, Array]) -> None:
    assert len(task.predictions(outputs, CLASSES)) == 40


def test_a_prediction_does_not_depend_on_its_neighbours(task: DeviceTask, outputs: dict[str, Array]) -> None:
    alone = task.predictions({name: array[7:8] for name, array in outputs.items()}, CLASSES)
    np.testing.assert_equal(_plain(task.predictions(outputs, CLASSES)[7]), _plain(alone[0]))


def test_metrics_are_for_labelled_tasks(task: DeviceTask, outputs: dict[str, Array], labels: Array) -> None:
    if not task.labelled:
        with pytest.raises(Unsupported, match="no labels"):
            task.metrics(outputs, labels, CLASSES, seed=0)
        with pytest.raises(Unsupported, match="no labels"):
            task.hits(outputs, labels)
        with pytest.raises(Unsupported, match="no labels"):
            task.drop("drop", Pair(outputs, outputs, labels), Gates())
        return
    metrics = task.metrics(outputs, labels, CLASSES, seed=0)
    assert task.hits(outputs, labels).mean() == pytest.approx(
        next(interval.value for interval in metrics.values if interval.metric.endswith("accuracy"))
    )
    for interval in metrics.values:
        assert interval.ci95[0] <= interval.ci95[1]
        assert interval.n == 40


def test_metrics_depend_on_nothing_but_their_arguments(
    task: DeviceTask, outputs: dict[str, Array], labels: Array
) -> None:
    if task.labelled:
        assert task.metrics(outputs, labels, CLASSES, 3) == task.metrics(outputs, labels, CLASSES, 3)


def test_a_candidate_that_is_its_reference_drops_nothing_and_a_broken_one_fails(
    task: DeviceTask, outputs: dict[str, Array], labels: Array
) -> None:
    if not task.labelled:
        return
    gates = Gates(accuracy_drop_max=0.0, margin=0.4)
    sure = {"logits": np.where(_one_hot(labels), 9.0, -9.0).astype(np.float32)}
    assert task.drop("drop", Pair(sure, sure, labels), gates).passed
    assert task.drop("drop", Pair(sure, sure, labels), gates).value == 0
    assert not task.drop("drop", Pair(sure, {"logits": -sure["logits"]}, labels), gates).passed


def _one_hot(truth: Array) -> Array:
    return truth == 1 if truth.ndim == 2 else truth[:, None] == np.arange(3)


def test_metrics_survive_json(task: DeviceTask, outputs: dict[str, Array], labels: Array) -> None:
    if task.labelled:
        metrics = task.metrics(outputs, labels, CLASSES, seed=0)
        assert msgspec.json.decode(msgspec.json.encode(metrics), type=type(metrics)) == metrics


def _plain(prediction: object) -> object:
    return msgspec.to_builtins(prediction) if isinstance(prediction, msgspec.Struct) else prediction


@pytest.mark.parametrize("half", ["host", "device"])
def test_an_unknown_task_is_refused_with_those_there_are(half: Literal["host", "device"]) -> None:
    with pytest.raises(Unsupported, match="unknown task 'segment'; expected one of: classify, multilabel, tensor"):
        find_task("segment", half)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_each_half_of_a_task_is_found(name: str) -> None:
    assert find_task(name, "device") is resolve(TASKS[name][1])
    assert find_task(name, "host") is resolve(TASKS[name][0])
