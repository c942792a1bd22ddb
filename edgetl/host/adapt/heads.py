"""Logistic heads on standardised features, folded into one affine map."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from edgetl.device.tasks import DeviceTask
from edgetl.errors import DataError
from edgetl.host.adapt import FittedHead, Folds, Head
from edgetl.host.data.dataset import Sample
from edgetl.host.data.labels import strata
from edgetl.host.graph import LOGITS
from edgetl.host.tasks import HostTask
from edgetl.plugins import find_task

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
_BINARY = 2
"""Classes that one regression tells apart by one row of coefficients."""


@dataclass(frozen=True)
class HeadSettings:
    """How a head is fitted.

    ``regularisation`` holds the values of C (inverse strength, as in scikit-learn) that cross-validation chooses
    among by log loss, which tells heads of nearly equal accuracy apart; a single value is used as it is.
    ``sigma_floor`` is the least standard deviation a feature is divided by, as a fraction of the mean standard
    deviation: nearly constant features would otherwise get weights that no int8 and no shifted camera can hold.
    """

    regularisation: tuple[float, ...]
    folds: int = 5
    sigma_floor: float = 0.5
    balanced: bool = False
    seed: int = 0
    threads: int = 1
    tolerance: float = 1e-3
    max_iterations: int = 200


@dataclass(frozen=True)
class TrainingSet:
    """Features ``(views, n, d)`` with the labels, weights and groups of the ``n`` samples.

    ``labels`` is what the device half of ``task`` calls truth: ``(n,)``, or ``(n, classes)`` of 0 and 1. ``strata``
    gives each sample a number by which folds are stratified; without it, ``labels`` themselves.
    ``relevance`` multiplies the ``d`` standardised features: a larger one is regularised less.
    ``view_weights`` says how much the samples of each view count, ``(views,)`` with a mean of 1; without it, the same.
    """

    features: Floats
    labels: Ints
    weights: Floats
    groups: Ints
    classes: int
    relevance: Floats | None = None
    task: str = "classify"
    strata: Ints | None = None
    view_weights: Floats | None = None

    @property
    def n(self) -> int:
        """Samples."""
        return len(self.labels)


def fit_head(data: TrainingSet, settings: HeadSettings, start: FittedHead | None = None) -> FittedHead:
    """L2-regularised logistic regression, its strength chosen by grouped, stratified cross-validation.

    Standardisation is part of what is cross-validated, and is folded into the returned head:
    ``W' = W / s, b' = b - W (m / s)``.

    Args:
        data: what to fit to.
        settings: how.
        start: a head that was fitted to other features of the same samples, where fitting starts. Each head of
            cross-validation starts from the one that did not see the same samples, so it stays as honest; where samples
            were divided otherwise, from nothing.

    References:
        Kornblith, Shlens and Le, "Do Better ImageNet Models Transfer Better?", 2019 (logistic regression on fixed
        features).
    """
    task: HostTask = find_task(data.task, "host")
    device: DeviceTask = find_task(data.task, "device")
    divided, strengths = _folds(data, settings), settings.regularisation
    rows = [seen for seen, _ in divided]
    # which strength is best is known before cross-validation where there is but one: a CPU need not wait for that
    rows += [np.arange(data.n)] if len(strengths) == 1 else []
    with threadpool_limits(limits=1), ThreadPoolExecutor(settings.threads) as executor:
        near = _starts(start, divided, len(rows))
        jobs = [(c, seen, head) for c in strengths for seen, head in zip(rows, near, strict=True)]
        fits = list(executor.map(lambda job: _fit(data, job[1], job[0], settings, job[2]), jobs))
        folds = {c: _folds_of(fits[place * len(rows) :], divided) for place, c in enumerate(strengths)}
        logits = {c: heads.logits(data.features[0]) for c, heads in folds.items()}
        losses = {c: task.log_loss(values, data.labels) for c, values in logits.items()}
        best = min(losses, key=lambda c: (losses[c], c))
        final = fits[-1] if len(strengths) == 1 else _fit(data, np.arange(data.n), best, settings)
    scores = {c: float(np.mean(device.hits({LOGITS: values}, data.labels))) for c, values in logits.items()}
    return FittedHead(final.head, best, logits[best], scores, losses, final.converged, folds[best])


def balanced_relevance(widths: tuple[int, ...]) -> Floats:
    """Relevance that lets every part of the features weigh the same, whatever its width.

    With it, the inner product of two samples is a plain sum over parts of their mean product of features; without, a
    part of 1,280 features outvotes one of 16 (compare uniform weights in multiple kernel learning).

    References:
        Gönen and Alpaydın, "Multiple Kernel Learning Algorithms", JMLR 12, 2011.
    """
    widest = max(widths)
    return np.concatenate([np.full(width, np.sqrt(widest / width), np.float32) for width in widths])


def training_set(features: Floats, samples: tuple[Sample, ...], classes: int, task: str = "classify") -> TrainingSet:
    """Features of samples with what else the fit needs; samples without a group are their own.

    Raises:
        DataError: features are NaN or infinite.
    """
    broken = int((~np.isfinite(features).all(axis=(0, 2))).sum())
    if broken:
        raise DataError(
            f"features of {broken} of {len(samples)} training images are NaN or infinite, and no head can be fitted to "
            "them; a network whose values overflow makes such: choose another backbone or precision"
        )
    names = {name: index for index, name in enumerate(sorted({_group(sample) for sample in samples}))}
    device: DeviceTask = find_task(task, "device")
    return TrainingSet(
        features,
        labels=device.truth([sample.truth for sample in samples], classes),
        weights=np.array([sample.weight for sample in samples], np.float32),
        groups=np.array([names[_group(sample)] for sample in samples], np.int64),
        classes=classes,
        task=task,
        strata=np.array(strata(samples), np.int64),
    )


def scale_of(features: Floats, floor: float) -> Floats:
    """What each of the features ``(n, d)`` is divided by: its deviation, at least ``floor`` times the mean one."""
    deviation = features.std(axis=0)
    return np.asarray(np.maximum(deviation, floor * deviation.mean() + np.finfo(np.float32).tiny), np.float32)


def _group(sample: Sample) -> str:
    return f"group {sample.group}" if sample.group is not None else sample.sha256


def _folds(data: TrainingSet, settings: HeadSettings) -> list[tuple[Ints, Ints]]:
    task: HostTask = find_task(data.task, "host")
    members = task.targets(data.labels, data.classes).T == 1
    groups_per_class = [len(set(data.groups[rows].tolist())) for rows in members]
    folds = min(settings.folds, *groups_per_class)
    splitter = StratifiedGroupKFold(max(folds, 2), shuffle=True, random_state=settings.seed)
    with warnings.catch_warnings():
        # a stratum of fewer samples than folds is spread as far as it goes; classes are checked below
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        found = list(splitter.split(data.labels, data.labels if data.strata is None else data.strata, data.groups))
    for rows, _ in found:
        _check_trainable(members[:, rows])
    return found


def _check_trainable(members: NDArray[np.bool_]) -> None:
    """Refuse training rows, ``(classes, rows)``, from which a class could not be told apart."""
    counts = members.sum(axis=1)
    for place in np.flatnonzero(counts == 0):
        raise DataError(
            f"cross-validation would train without class {place}: its training images are in too few groups; "
            "give it images of more groups"
        )
    for place in np.flatnonzero(counts == members.shape[1]):
        raise DataError(
            f"cross-validation would train without images that lack class {place}: they are in too few groups; "
            "add such images in more groups"
        )


@dataclass(frozen=True)
class _Fit:
    head: Head
    converged: bool


def _folds_of(fits: list[_Fit], divided: list[tuple[Ints, Ints]]) -> Folds:
    """The heads of the first ``fits``, one for each division into rows that a head saw and rows that it did not."""
    return Folds(tuple(fit.head for fit in fits[: len(divided)]), _unseen_by(divided))


def _unseen_by(divided: list[tuple[Ints, Ints]]) -> Ints:
    unseen_by = np.empty(sum(len(unseen) for _, unseen in divided), np.int64)
    for place, (_, unseen) in enumerate(divided):
        unseen_by[unseen] = place
    return unseen_by


def _starts(start: FittedHead | None, divided: list[tuple[Ints, Ints]], fits: int) -> list[Head | None]:
    """Where each of the fits starts: those of cross-validation, and maybe one to all samples after these."""
    if start is None or not np.array_equal(start.folds.unseen_by, _unseen_by(divided)):
        return [None] * fits
    known: list[Head | None] = [*start.folds.heads, start.head]
    return known[:fits]


def _fit(data: TrainingSet, rows: Ints, strength: float, settings: HeadSettings, start: Head | None = None) -> _Fit:
    views, _, width = data.features.shape
    features = data.features[:, rows].reshape(-1, width)
    mean, scale = features.mean(axis=0), scale_of(features, settings.sigma_floor)
    scale = scale if data.relevance is None else scale / data.relevance
    task: HostTask = find_task(data.task, "host")
    counts = np.ones(views, np.float32) if data.view_weights is None else data.view_weights
    weights = np.outer(counts, data.weights[rows]).ravel()
    models, regressions = [], task.regressions(data.labels[rows])
    starts = [None] * len(regressions) if start is None else _unfolded(start, len(regressions), mean, scale)
    with warnings.catch_warnings():
        # told by the result instead
        warnings.simplefilter("ignore", ConvergenceWarning)
        for targets, near in zip(regressions, starts, strict=True):
            model = LogisticRegression(
                C=strength,
                max_iter=settings.max_iterations,
                tol=settings.tolerance,
                class_weight="balanced" if settings.balanced else None,
                warm_start=near is not None,
            )
            if near is not None:
                model.coef_, model.intercept_ = near
            model.fit((features - mean) / scale, np.tile(targets, views), weights)
            models.append(model)
    converged = all(int(np.max(model.n_iter_)) < settings.max_iterations for model in models)
    return _Fit(_folded(models, data.classes, mean, scale), converged)


def _unfolded(head: Head, regressions: int, mean: Floats, scale: Floats) -> list[tuple[Floats, Floats]]:
    """Coefficients and intercepts with which :func:`_folded` would give this head."""
    weight, bias = head.weight.astype(np.float64), head.bias.astype(np.float64)
    if regressions == 1 and len(weight) == _BINARY:
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    intercepts = bias + weight @ mean
    pairs = zip(np.split(weight * scale, regressions), np.split(intercepts, regressions), strict=True)
    return [(coefficients.astype(np.float32), some.astype(np.float32)) for coefficients, some in pairs]


def _folded(models: list[LogisticRegression], classes: int, mean: Floats, scale: Floats) -> Head:
    weight = np.concatenate([np.asarray(model.coef_, np.float64) for model in models])
    bias = np.concatenate([np.asarray(model.intercept_, np.float64) for model in models])
    if len(weight) < classes:
        # one regression between two classes: half of its logit for the one, half against the other
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    folded = weight / scale
    return Head(folded.astype(np.float32), (bias - folded @ mean).astype(np.float32))
