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

from edgetl.errors import DataError
from edgetl.host.adapt import FittedHead, Head
from edgetl.host.data.dataset import Sample

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


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

    ``relevance`` multiplies the ``d`` standardised features: a larger one is regularised less.
    """

    features: Floats
    labels: Ints
    weights: Floats
    groups: Ints
    classes: int
    relevance: Floats | None = None


def fit_head(data: TrainingSet, settings: HeadSettings) -> FittedHead:
    """L2-regularised logistic regression, its strength chosen by grouped, stratified cross-validation.

    Standardisation is part of what is cross-validated, and is folded into the returned head:
    ``W' = W / s, b' = b - W (m / s)``.

    References:
        Kornblith, Shlens and Le, "Do Better ImageNet Models Transfer Better?", 2019 (logistic regression on fixed
        features).
    """
    folds = _folds(data, settings)
    with threadpool_limits(limits=1), ThreadPoolExecutor(settings.threads) as executor:
        jobs = [(c, fold) for c in settings.regularisation for fold in range(len(folds))]
        fits = executor.map(lambda job: _fit(data, folds[job[1]][0], job[0], settings), jobs)
        logits = {c: np.empty((data.labels.size, data.classes), np.float32) for c in settings.regularisation}
        for (c, fold), fit in zip(jobs, fits, strict=True):
            held_out = folds[fold][1]
            logits[c][held_out] = apply_head(fit.head, data.features[0, held_out])
        losses = {c: log_loss(values, data.labels) for c, values in logits.items()}
        best = min(losses, key=lambda c: (losses[c], c))
        final = _fit(data, np.arange(data.labels.size), best, settings)
    scores = {c: float(np.mean(values.argmax(axis=1) == data.labels)) for c, values in logits.items()}
    return FittedHead(final.head, best, logits[best], scores, losses, final.converged)


def log_loss(logits: Floats, labels: Ints) -> float:
    """Mean negative log probability of the true classes under a softmax of ``logits`` ``(n, classes)``."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    normaliser = np.log(np.exp(shifted).sum(axis=1))
    return float(np.mean(normaliser - shifted[np.arange(labels.size), labels]))


def balanced_relevance(widths: tuple[int, ...]) -> Floats:
    """Relevance that lets every part of the features weigh the same, whatever its width.

    With it, the inner product of two samples is a plain sum over parts of their mean product of features; without, a
    part of 1,280 features outvotes one of 16 (compare uniform weights in multiple kernel learning).

    References:
        Gönen and Alpaydın, "Multiple Kernel Learning Algorithms", JMLR 12, 2011.
    """
    widest = max(widths)
    return np.concatenate([np.full(width, np.sqrt(widest / width), np.float32) for width in widths])


def training_set(features: Floats, samples: tuple[Sample, ...], classes: int) -> TrainingSet:
    """Features of samples with what else the fit needs; samples without a group are their own."""
    names = {name: index for index, name in enumerate(sorted({_group(sample) for sample in samples}))}
    return TrainingSet(
        features,
        labels=np.array([sample.label for sample in samples], np.int64),
        weights=np.array([sample.weight for sample in samples], np.float32),
        groups=np.array([names[_group(sample)] for sample in samples], np.int64),
        classes=classes,
    )


def apply_head(head: Head, features: Floats) -> Floats:
    """Logits ``(n, classes)`` of features ``(n, d)``."""
    return np.asarray(features @ head.weight.T + head.bias, dtype=np.float32)


def scale_of(features: Floats, floor: float) -> Floats:
    """What each of the features ``(n, d)`` is divided by: its deviation, at least ``floor`` times the mean one."""
    deviation = features.std(axis=0)
    return np.asarray(np.maximum(deviation, floor * deviation.mean() + np.finfo(np.float32).tiny), np.float32)


def _group(sample: Sample) -> str:
    return f"group {sample.group}" if sample.group is not None else sample.sha256


def _folds(data: TrainingSet, settings: HeadSettings) -> list[tuple[Ints, Ints]]:
    groups_per_class = [len(set(data.groups[data.labels == label].tolist())) for label in range(data.classes)]
    folds = min(settings.folds, *groups_per_class)
    splitter = StratifiedGroupKFold(max(folds, 2), shuffle=True, random_state=settings.seed)
    found = list(splitter.split(data.labels, data.labels, data.groups))
    for rows, _ in found:
        missing = sorted(set(range(data.classes)) - set(data.labels[rows].tolist()))
        if missing:
            raise DataError(
                f"cross-validation would train without class {missing[0]}: its training images are in too few groups; "
                "give it images of more groups"
            )
    return found


@dataclass(frozen=True)
class _Fit:
    head: Head
    converged: bool


def _fit(data: TrainingSet, rows: Ints, strength: float, settings: HeadSettings) -> _Fit:
    views, _, width = data.features.shape
    features = data.features[:, rows].reshape(-1, width)
    mean, scale = features.mean(axis=0), scale_of(features, settings.sigma_floor)
    scale = scale if data.relevance is None else scale / data.relevance
    model = LogisticRegression(
        C=strength,
        max_iter=settings.max_iterations,
        tol=settings.tolerance,
        class_weight="balanced" if settings.balanced else None,
    )
    with warnings.catch_warnings():
        # told by the result instead
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit((features - mean) / scale, np.tile(data.labels[rows], views), np.tile(data.weights[rows], views))
    return _Fit(_folded(model, mean, scale), int(np.max(model.n_iter_)) < settings.max_iterations)


def _folded(model: LogisticRegression, mean: Floats, scale: Floats) -> Head:
    weight, bias = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if len(weight) == 1:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    folded = weight / scale
    return Head(folded.astype(np.float32), (bias - folded @ mean).astype(np.float32))
