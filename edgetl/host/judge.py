"""How well each variant does, and whether it meets the gates, as the host sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.device.tasks import DeviceTask
from edgetl.device.tasks.statistics import drop_check
from edgetl.evaluation import Evaluation, Metrics, SelectionSplit
from edgetl.gates import Gates
from edgetl.host.data.dataset import Sample
from edgetl.host.predictions import predictions
from edgetl.host.variants import Made
from edgetl.host.workspace import Workspace
from edgetl.tensors import Array


@dataclass(frozen=True)
class Jury:
    """What all variants are judged with."""

    task: DeviceTask
    gates: Gates
    workspace: Workspace


@dataclass(frozen=True)
class Judged:
    """A variant with its predictions on the selection data and what they are worth."""

    made: Made
    evaluation: Evaluation
    hits: NDArray[np.bool_]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.evaluation.checks)


def judge(made: tuple[Made, ...], test: tuple[Sample, ...], jury: Jury) -> tuple[Judged, ...]:
    """Evaluate every variant; the first is the float one that the others are compared with.

    Gates see validation data, pooled with honest out-of-fold predictions on the training data where the method gives
    them. ``test`` is only reported; nothing here depends on it.
    """
    if not jury.task.labelled:
        return tuple(_unjudged(variant) for variant in made)
    selected = [_selection(variant, jury) for variant in made]
    judged: list[Judged] = []
    for variant, (outputs, labels, split) in zip(made, selected, strict=True):
        hits = jury.task.hits(outputs, labels)
        checks = [*variant.checks, *_gates(variant, float(np.mean(hits)), len(hits), jury.gates)]
        if judged:
            checks.append(drop_check("accuracy drop", judged[0].hits, hits, jury.gates))
        report = jury.task.metrics(
            predict(variant, test, jury), _labels(test), jury.workspace.classes, jury.workspace.seed
        )
        evaluation = Evaluation(
            variant=variant.name,
            runtime=variant.runtime,
            selection=jury.task.metrics(outputs, labels, jury.workspace.classes, jury.workspace.seed),
            selection_split=split,
            test=report,
            checks=tuple(checks),
        )
        judged.append(Judged(variant, evaluation, hits))
    return tuple(judged)


def predict(variant: Made, samples: tuple[Sample, ...], jury: Jury) -> dict[str, Array]:
    """Outputs of a variant's exact file, ``(n, ...)`` each."""
    return predictions(variant.engine, samples, jury.workspace, f"evaluate {variant.name}")


def describe(metrics: Metrics) -> str:
    """The headline in words."""
    headline = metrics.headline
    return f"{headline.metric} {headline.value:.4f} [{headline.ci95[0]:.4f}, {headline.ci95[1]:.4f}], n = {headline.n}"


def _selection(variant: Made, jury: Jury) -> tuple[dict[str, Array], NDArray[np.int64], SelectionSplit]:
    splits = jury.workspace.splits
    outputs, labels = predict(variant, splits.validation, jury), _labels(splits.validation)
    if variant.out_of_fold is None:
        return outputs, labels, "validation"
    pooled = {name: np.concatenate([variant.out_of_fold, array]) for name, array in outputs.items()}
    return pooled, np.concatenate([_labels(splits.train), labels]), "out-of-fold + validation"


def _unjudged(variant: Made) -> Judged:
    evaluation = Evaluation(variant.name, variant.runtime, None, "none", None, variant.checks)
    return Judged(variant, evaluation, np.zeros(0, np.bool_))


def _gates(variant: Made, accuracy: float, n: int, gates: Gates) -> list[Check]:
    checks = []
    if gates.accuracy_min is not None:
        reason = f"accuracy {accuracy:.4f} on {n} selection samples, at least {gates.accuracy_min:g} is required"
        checks.append(
            Check("accuracy", accuracy, gates.accuracy_min, "fraction", accuracy >= gates.accuracy_min, reason, n)
        )
    if gates.size_mb_max is not None:
        size = variant.model.stat().st_size / 1e6
        reason = f"the file has {size:.2f} MB, at most {gates.size_mb_max:g} MB is allowed"
        checks.append(Check("size", size, gates.size_mb_max, "MB", size <= gates.size_mb_max, reason))
    return checks


def _labels(samples: tuple[Sample, ...]) -> NDArray[np.int64]:
    return np.array([sample.label for sample in samples], np.int64)
