"""How well each variant does, and whether it meets the gates, as the host sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check, failures
from edgetl.device.tasks import DeviceTask, Pair
from edgetl.evaluation import Evaluation, Interval, Metrics, SelectionSplit
from edgetl.gates import Gates
from edgetl.host.data.dataset import Sample
from edgetl.host.graph import LOGITS
from edgetl.host.predictions import predictions
from edgetl.host.tasks import HostTask
from edgetl.host.variants import Made
from edgetl.host.workspace import Workspace
from edgetl.plugins import find_task
from edgetl.tensors import Array

SIZE = "size"
"""Name of the check that says nothing against a variant's answers."""


@dataclass(frozen=True)
class Jury:
    """What all variants are judged with."""

    task: DeviceTask
    gates: Gates
    workspace: Workspace
    thresholds: tuple[float, ...] = ()
    """What ``task`` decides by, chosen on selection data."""


@dataclass(frozen=True)
class Selection:
    """A variant's outputs on the selection data, and what is true of these samples."""

    outputs: dict[str, Array]
    truth: NDArray[np.int64]
    split: SelectionSplit

    @property
    def is_finite(self) -> bool:
        """Whether every output is a number."""
        return all(np.isfinite(array).all() for array in self.outputs.values())


@dataclass(frozen=True)
class Judged:
    """A variant with its predictions on the selection data and what they are worth."""

    made: Made
    evaluation: Evaluation

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.evaluation.checks)

    @property
    def wrong(self) -> str:
        """The reasons against its answers: all but that its file is too large."""
        return failures(tuple(check for check in self.evaluation.checks if check.name != SIZE))


def jury_for(kind: str, gates: Gates, workspace: Workspace) -> Jury:
    """A jury that has not chosen thresholds yet."""
    return Jury(find_task(kind, "device"), gates, workspace)


def judge(made: tuple[Made, ...], test: tuple[Sample, ...], jury: Jury) -> tuple[Jury, tuple[Judged, ...]]:
    """Evaluate every variant; the first is the float one that the others are compared with.

    Gates see validation data, pooled with honest out-of-fold predictions on the training data where the method gives
    them; so does what is found of decisions that change. ``test`` is only reported; nothing here depends on it. Without
    labels nothing is judged, and only what changes is found.

    Returns:
        The jury with the thresholds it chose, for the float variant and used for all, and its judgements; of a float
        variant that gives NaN or infinity only that, because the others cannot be compared with it.
    """
    if not jury.task.labelled:
        return jury, tuple(_unjudged(variant, made[0], jury) for variant in made)
    selected = [select(variant, jury) for variant in made]
    reference = selected[0]
    if not reference.is_finite:
        return jury, (_broken(made[0], reference),)
    if is_thresholded(jury):
        jury = settled(jury, reference)
    return jury, tuple(
        _judged(variant, own, reference, test, jury) if own.is_finite else _broken(variant, own)
        for variant, own in zip(made, selected, strict=True)
    )


def is_thresholded(jury: Jury) -> bool:
    """Whether the jury's task decides by thresholds that are chosen on data."""
    task: HostTask = find_task(jury.task.name, "host")
    return task.thresholded


def settled(jury: Jury, selection: Selection) -> Jury:
    """The jury with the thresholds that are best on the selection data."""
    task: HostTask = find_task(jury.task.name, "host")
    thresholds = task.thresholds(selection.outputs[LOGITS], selection.truth)
    return replace(jury, task=jury.task.with_thresholds(thresholds), thresholds=thresholds)


def predict(variant: Made, samples: tuple[Sample, ...], jury: Jury) -> dict[str, Array]:
    """Outputs of a variant's exact file, ``(n, ...)`` each."""
    return predictions(variant.engine, samples, jury.workspace, f"evaluate {variant.name}")


def describe(metrics: Metrics) -> str:
    """The headline in words."""
    headline = metrics.headline
    return f"{headline.metric} {headline.value:.4f} [{headline.ci95[0]:.4f}, {headline.ci95[1]:.4f}], n = {headline.n}"


def select(variant: Made, jury: Jury) -> Selection:
    """The outputs that choices and gates may see."""
    workspace = jury.workspace
    splits = workspace.splits
    outputs, truth = predict(variant, splits.validation, jury), workspace.truth(splits.validation)
    if variant.out_of_fold is None:
        return Selection(outputs, truth, "validation")
    pooled = {name: np.concatenate([variant.out_of_fold, array]) for name, array in outputs.items()}
    return Selection(pooled, np.concatenate([workspace.truth(splits.train), truth]), "out-of-fold + validation")


def _judged(variant: Made, own: Selection, reference: Selection, test: tuple[Sample, ...], jury: Jury) -> Judged:
    task, workspace = jury.task, jury.workspace
    selection = task.metrics(own.outputs, own.truth, workspace.classes, workspace.seed)
    checks = [*variant.checks, *_gates(variant, selection.headline, jury.gates)]
    pair = None if own is reference else Pair(reference.outputs, own.outputs, own.truth)
    if pair is not None:
        checks.append(task.drop("accuracy drop", pair, jury.gates))
    evaluation = Evaluation(
        variant=variant.name,
        runtime=variant.runtime,
        selection=selection,
        selection_split=own.split,
        test=task.metrics(predict(variant, test, jury), workspace.truth(test), workspace.classes, workspace.seed),
        checks=tuple(checks),
        decisions=None if pair is None else task.compare(pair, workspace.classes, workspace.seed),
    )
    return Judged(variant, evaluation)


def _broken(variant: Made, own: Selection) -> Judged:
    n = len(own.truth)
    bad = sum(not all(np.isfinite(array[row]).all() for array in own.outputs.values()) for row in range(n))
    reason = f"{bad} of {n} selection samples have outputs that are NaN or infinite"
    check = Check("finite outputs", float(bad), 0.0, "samples", False, reason, n)
    return Judged(variant, Evaluation(variant.name, variant.runtime, None, "none", None, (*variant.checks, check)))


def _unjudged(variant: Made, reference: Made, jury: Jury) -> Judged:
    decisions, workspace = None, jury.workspace
    if variant is not reference:
        samples = workspace.splits.validation
        pair = Pair(predict(reference, samples, jury), predict(variant, samples, jury), np.zeros(0, np.int64))
        decisions = jury.task.compare(pair, workspace.classes, workspace.seed)
    return Judged(variant, Evaluation(variant.name, variant.runtime, None, "none", None, variant.checks, decisions))


def _gates(variant: Made, headline: Interval, gates: Gates) -> list[Check]:
    checks = []
    if gates.accuracy_min is not None:
        value, limit, n = headline.value, gates.accuracy_min, headline.n
        reason = f"{headline.metric} {value:.4f} on {n} selection samples, at least {limit:g} is required"
        checks.append(Check("accuracy", value, limit, "fraction", value >= limit, reason, n))
    if gates.size_mb_max is not None:
        size = variant.model.stat().st_size / 1e6
        reason = f"the file has {size:.2f} MB, at most {gates.size_mb_max:g} MB is allowed"
        checks.append(Check(SIZE, size, gates.size_mb_max, "MB", size <= gates.size_mb_max, reason))
    return checks
