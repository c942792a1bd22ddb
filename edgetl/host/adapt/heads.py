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

from edgetl.host.adapt import FittedHead, Head
from edgetl.host.data.dataset import Sample

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class HeadSettings:
    """How a head is fitted.

    ``regularisation`` holds the values of C (inverse strength, as in scikit-learn) that cross-validation chooses
    among; a single value is used as it is. ``sigma_floor`` is the least standard deviation a feature is divided by,
    as a fraction of the mean standard deviation: nearly constant features would otherwise get weights that no int8
    and no shifted camera can hold.
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
    """Features ``(views, n, d)`` with the labels, weights and groups of the ``n`` samples."""

    features: Floats
    labels: Ints
    weights: Floats
    groups: Ints
    classes: int


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
        per_fold = list(executor.map(lambda fold: _path(data, fold[0], fold[1], settings), folds))
    logits = {c: np.empty((data.labels.size, data.classes), np.float32) for c in settings.regularisation}
    for (_, held_out), path in zip(folds, per_fold, strict=True):
        for c, values in path.items():
            logits[c][held_out] = values
    scores = {c: float(np.mean(values.argmax(axis=1) == data.labels)) for c, values in logits.items()}
    best = min(scores, key=lambda c: (-scores[c], c))
    with threadpool_limits(limits=1):
        head = _fit(data, np.arange(data.labels.size), (best,), settings)[best]
    return FittedHead(head, best, logits[best], scores)


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


def _group(sample: Sample) -> str:
    return f"group {sample.group}" if sample.group is not None else sample.sha256


def _folds(data: TrainingSet, settings: HeadSettings) -> list[tuple[Ints, Ints]]:
    counts = np.bincount(data.labels, minlength=data.classes)
    folds = max(2, min(settings.folds, int(counts.min())))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=settings.seed)
    return list(splitter.split(data.labels, data.labels, data.groups))


def _path(data: TrainingSet, rows: Ints, held_out: Ints, settings: HeadSettings) -> dict[float, Floats]:
    heads = _fit(data, rows, settings.regularisation, settings)
    return {c: apply_head(head, data.features[0, held_out]) for c, head in heads.items()}


def _fit(data: TrainingSet, rows: Ints, strengths: tuple[float, ...], settings: HeadSettings) -> dict[float, Head]:
    views, _, width = data.features.shape
    features = data.features[:, rows].reshape(-1, width)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.maximum(scale, settings.sigma_floor * scale.mean() + np.finfo(np.float32).tiny)
    standardised = (features - mean) / scale
    model = LogisticRegression(
        max_iter=settings.max_iterations,
        tol=settings.tolerance,
        warm_start=True,
        class_weight="balanced" if settings.balanced else None,
    )
    heads = {}
    with warnings.catch_warnings():
        # a path of warm starts: a solution short of the tolerance is judged by its cross-validated score like any other
        warnings.simplefilter("ignore", ConvergenceWarning)
        for c in sorted(strengths):
            model.C = c
            model.fit(standardised, np.tile(data.labels[rows], views), np.tile(data.weights[rows], views))
            heads[c] = _folded(model, mean, scale, data.classes)
    return heads


def _folded(model: LogisticRegression, mean: Floats, scale: Floats, classes: int) -> Head:
    weight, bias = np.asarray(model.coef_, np.float64), np.asarray(model.intercept_, np.float64)
    if classes == 2:
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    folded = weight / scale
    return Head(folded.astype(np.float32), (bias - folded @ mean).astype(np.float32))
