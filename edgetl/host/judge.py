"""How well each variant does, and whether it meets the gates, as the host sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check, failures
from edgetl.device.tasks import DeviceTask, Pair
from edgetl.device.tasks.likeness import is_finite, likeness
from edgetl.device.tasks.statistics import flip_rate
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
        return is_finite(self.outputs)


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
    labels see :func:`likeness`.

    Returns:
        The jury with the thresholds it chose, for the float variant and used for all, and its judgements; of a float
        variant that gives NaN or infinity only that, because the others cannot be compared with it.
    """
    if not jury.task.labelled:
        return jury, tuple(_unjudged(variant, made[0], jury) for variant in made)
    reference = select(made[0], jury)
    if not reference.is_finite:
        return jury, (_broken(made[0], reference),)
    jury = settled_by(made[0], jury)
    return jury, tuple(_judged(variant, made[0], test, jury) for variant in made)


def settled_by(reference: Made, jury: Jury) -> Jury:
    """The jury with the thresholds that are best for the float variant, where its task has any."""
    return settled(jury, select(reference, jury)) if is_thresholded(jury) else jury


def verdict(variant: Made, reference: Made, jury: Jury) -> tuple[Check, ...]:
    """Everything that decides whether a variant is packed; the test split is not looked at.

    Args:
        variant: what is judged.
        reference: the float variant; that itself has nothing to lose against.
        jury: with its thresholds.

    Returns:
        The variant's own checks, the gates on all variants and, of any but the reference, what it loses: accuracy or,
        without labels, likeness to the reference.
    """
    if not jury.task.labelled:
        changed = () if variant is reference else (likeness(_pair(variant, reference, jury), jury.task, jury.gates),)
        return (*variant.checks, *_size(variant, jury.gates), *changed)
    pair = _pair(variant, reference, jury)
    if not is_finite(pair.candidate):
        return (*variant.checks, _finite(pair))
    headline = _metrics(select(variant, jury), jury).headline
    lost = () if variant is reference else (jury.task.drop("accuracy drop", pair, jury.gates),)
    return (*variant.checks, *_gates(headline, jury.gates), *_size(variant, jury.gates), *lost)


def flipped(variant: Made, reference: Made, jury: Jury) -> Interval | None:
    """How often a variant decides otherwise than its reference on the data that gates see.

    ``None`` where nothing is decided, or outputs are not finite.
    """
    pair = _pair(variant, reference, jury)
    if not (_decides(jury) and is_finite(pair.reference) and is_finite(pair.candidate)):
        return None
    before, after = (jury.task.decisions(outputs) for outputs in (pair.reference, pair.candidate))
    return flip_rate(before, after) if before.size else None


def is_thresholded(jury: Jury) -> bool:
    """Whether the jury's task decides by thresholds that are chosen on data."""
    task: HostTask = find_task(jury.task.name, "host")
    return task.thresholded


def settled(jury: Jury, selection: Selection) -> Jury:
    """The jury with the thresholds that are best on the selection data."""
    task: HostTask = find_task(jury.task.name, "host")
    thresholds = task.thresholds(selection.outputs[LOGITS], selection.truth)
    return replace(jury, task=jury.task.with_thresholds(thresholds), thresholds=thresholds)


def predict(variant: Made, samples: tuple[Sample, ...], jury: Jury, title: str = "") -> dict[str, Array]:
    """Outputs of a variant's exact file, ``(n, ...)`` each; ``title`` is of the stage, instead of the usual one."""
    return predictions(variant.engine, samples, jury.workspace, title or f"evaluate {variant.name}")


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


def _judged(variant: Made, reference: Made, test: tuple[Sample, ...], jury: Jury) -> Judged:
    task, workspace = jury.task, jury.workspace
    own, checks = select(variant, jury), verdict(variant, reference, jury)
    if not own.is_finite:
        return _broken(variant, own)
    pair = None if variant is reference else _pair(variant, reference, jury)
    tested = predict(variant, test, jury), workspace.truth(test)
    evaluation = Evaluation(
        variant=variant.name,
        runtime=variant.runtime,
        selection=_metrics(own, jury),
        selection_split=own.split,
        test=task.metrics(*tested, workspace.classes, workspace.seed),
        checks=checks,
        decisions=None if pair is None else task.compare(pair, workspace.classes, workspace.seed),
    )
    return Judged(variant, evaluation)


def _metrics(own: Selection, jury: Jury) -> Metrics:
    return jury.task.metrics(own.outputs, own.truth, jury.workspace.classes, jury.workspace.seed)


def _pair(variant: Made, reference: Made, jury: Jury) -> Pair:
    """Both on the same samples: pooled with out-of-fold predictions only where both have them."""
    if not jury.task.labelled:
        samples = jury.workspace.splits.validation
        return Pair(predict(reference, samples, jury), predict(variant, samples, jury), np.zeros(0, np.int64))
    if variant.out_of_fold is None or reference.out_of_fold is None:
        variant, reference = replace(variant, out_of_fold=None), replace(reference, out_of_fold=None)
    own = select(variant, jury)
    return Pair(select(reference, jury).outputs, own.outputs, own.truth)


def _broken(variant: Made, own: Selection) -> Judged:
    check = _finite(Pair(own.outputs, own.outputs, own.truth))
    return Judged(variant, Evaluation(variant.name, variant.runtime, None, "none", None, (*variant.checks, check)))


def _finite(pair: Pair) -> Check:
    n = len(pair.truth)
    bad = sum(not all(np.isfinite(array[row]).all() for array in pair.candidate.values()) for row in range(n))
    reason = f"{bad} of {n} selection samples have outputs that are NaN or infinite"
    return Check("finite outputs", float(bad), 0.0, "samples", False, reason, n)


def _unjudged(variant: Made, reference: Made, jury: Jury) -> Judged:
    decisions, workspace = None, jury.workspace
    if variant is not reference:
        decisions = jury.task.compare(_pair(variant, reference, jury), workspace.classes, workspace.seed)
        if not _decides(jury):
            decisions = msgspec.structs.replace(decisions, flips=None)
    checks = verdict(variant, reference, jury)
    return Judged(variant, Evaluation(variant.name, variant.runtime, None, "none", None, checks, decisions))


def _decides(jury: Jury) -> bool:
    """Whether outputs are decisions; the largest entry of a map or an embedding decides nothing."""
    return jury.task.labelled or jury.gates.output_error_max is None


def _gates(headline: Interval, gates: Gates) -> tuple[Check, ...]:
    if gates.accuracy_min is None:
        return ()
    value, limit, n = headline.value, gates.accuracy_min, headline.n
    reason = f"{headline.metric} {value:.4f} on {n} selection samples, at least {limit:g} is required"
    return (Check("accuracy", value, limit, "fraction", value >= limit, reason, n),)


def _size(variant: Made, gates: Gates) -> tuple[Check, ...]:
    if gates.size_mb_max is None:
        return ()
    size = variant.model.stat().st_size / 1e6
    reason = f"the file has {size:.2f} MB, at most {gates.size_mb_max:g} MB is allowed"
    return (Check(SIZE, size, gates.size_mb_max, "MB", size <= gates.size_mb_max, reason),)
