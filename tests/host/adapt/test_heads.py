from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from edgetl.errors import DataError
from edgetl.host.adapt import Head
from edgetl.host.adapt.heads import (
    HeadSettings,
    TrainingSet,
    balanced_relevance,
    fit_head,
    training_set,
)
from edgetl.host.data.dataset import Sample
from edgetl.host.tasks.classify import TASK


def clusters(n: int = 120, width: int = 12, classes: int = 2, views: int = 1, seed: int = 0) -> TrainingSet:
    """Overlapping Gaussian classes, features of very different scales."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = rng.normal(size=(classes, width))
    features = centres[labels] + rng.normal(scale=1.5, size=(views, n, width))
    features *= 10.0 ** rng.uniform(-3, 3, width)
    return TrainingSet(features.astype(np.float32), labels, np.ones(n, np.float32), np.arange(n), classes)


def test_a_view_that_counts_twice_is_there_twice() -> None:
    data = clusters(views=2)
    settings = HeadSettings(regularisation=(0.1,), sigma_floor=0.0, tolerance=1e-6, max_iterations=2000)
    weighted = fit_head(replace(data, view_weights=np.float32([2.0, 1.0]) / 1.5), settings)
    twice = replace(data, features=data.features[[0, 0, 1]])
    repeated = fit_head(twice, replace(settings, regularisation=(0.1 / 1.5,)))
    plain = fit_head(data, settings)
    found, expected, other = (one.head.logits(data.features[0]) for one in (weighted, repeated, plain))
    # standardised by slightly different means
    assert np.abs(found - expected).mean() < 0.2 * np.abs(found - other).mean()


@pytest.mark.parametrize("classes", [2, 3], ids=["binary", "three classes"])
def test_folded_head_equals_scikit_learn_on_standardised_features(classes: int) -> None:
    data = clusters(classes=classes)
    settings = HeadSettings(regularisation=(0.1,), sigma_floor=0.0, tolerance=1e-6, max_iterations=2000)
    fitted = fit_head(data, settings)
    features = data.features[0].astype(np.float64)
    standardised = (features - features.mean(0)) / features.std(0)
    reference = LogisticRegression(C=0.1, tol=1e-6, max_iter=2000).fit(standardised, data.labels)
    logits = fitted.head.logits(data.features[0])
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities, reference.predict_proba(standardised), atol=2e-3)


def iterations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many every fit from now on took."""
    found: list[int] = []
    fit = LogisticRegression.fit

    def counted(self: Any, *data: Any) -> Any:
        fit(self, *data)
        found.append(int(np.max(self.n_iter_)))
        return self

    monkeypatch.setattr(LogisticRegression, "fit", counted)
    return found


def of_task(task: str, classes: int) -> TrainingSet:
    data = clusters(n=300, classes=classes)
    if task == "classify":
        return data
    labels = (np.random.default_rng(1).random((300, classes)) < 0.3).astype(np.int64)
    labels[np.arange(300), data.labels] = 1
    return replace(data, labels=labels, task=task, strata=data.labels)


@pytest.mark.parametrize(("task", "classes"), [("classify", 2), ("classify", 3), ("multilabel", 2), ("multilabel", 3)])
def test_fitting_starts_from_a_head_for_features_nearby(
    task: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = of_task(task, classes)
    settings = HeadSettings(regularisation=(0.1,), tolerance=1e-5, max_iterations=2000)
    start = fit_head(data, settings)
    noise = np.random.default_rng(2).normal(0, 0.05, data.features.shape) * data.features.std(axis=(0, 1))
    near = replace(data, features=(data.features + noise).astype(np.float32))
    counts = iterations(monkeypatch)
    cold = fit_head(near, settings)
    cold_counts = counts.copy()
    counts.clear()
    warm = fit_head(near, settings, start)
    assert len(counts) == len(cold_counts)
    assert sum(counts) < 0.8 * sum(cold_counts)
    np.testing.assert_allclose(warm.out_of_fold, cold.out_of_fold, atol=0.02)
    counts.clear()
    # from where it ends there is next to nothing to do
    again = fit_head(data, settings, start)
    assert sum(counts) < 0.3 * sum(cold_counts)
    np.testing.assert_allclose(again.out_of_fold, start.out_of_fold, atol=0.02)


def test_every_head_starts_from_the_one_that_did_not_see_the_same_samples() -> None:
    data = clusters(n=300)
    settings = HeadSettings(regularisation=(0.1,), max_iterations=1, tolerance=1e-12)
    start = fit_head(data, replace(settings, max_iterations=200))
    far = Head(start.head.weight * 0, np.float32([9, -9]))
    places = range(len(start.folds.heads))
    of_one = replace(start, folds=replace(start.folds, heads=(far, *start.folds.heads[1:])))
    fitted, changed = (fit_head(data, settings, one) for one in (start, of_one))
    same = [np.array_equal(fitted.folds.heads[i].weight, changed.folds.heads[i].weight) for i in places]
    assert same == [False, *[True] * (len(same) - 1)]
    np.testing.assert_array_equal(fitted.head.weight, changed.head.weight)


def test_a_head_of_other_divisions_is_no_start() -> None:
    """It may have seen what is to be unseen."""
    data, settings = clusters(n=300), HeadSettings(regularisation=(0.1,))
    other = fit_head(data, replace(settings, seed=1))
    cold, found = fit_head(data, settings), fit_head(data, settings, other)
    np.testing.assert_array_equal(found.out_of_fold, cold.out_of_fold)
    np.testing.assert_array_equal(found.head.weight, cold.head.weight)


def test_sigma_floor_bounds_the_weight_of_nearly_constant_features() -> None:
    data = clusters()
    data.features[:, :, 0] *= 1e-6
    floored = fit_head(data, HeadSettings(regularisation=(0.1,), sigma_floor=0.5)).head
    raw = fit_head(data, HeadSettings(regularisation=(0.1,), sigma_floor=0.0)).head
    assert np.abs(floored.weight[:, 0]).max() < 1e-3 * np.abs(raw.weight[:, 0]).max()


def test_out_of_fold_predictions_do_not_see_their_own_label() -> None:
    # random labels: a head that saw them would be right far more often than chance
    data = clusters(n=200, width=400)
    rng = np.random.default_rng(1)
    shuffled = TrainingSet(data.features, rng.permutation(data.labels), data.weights, data.groups, 2)
    fitted = fit_head(shuffled, HeadSettings(regularisation=(1.0,)))
    honest = np.mean(fitted.out_of_fold.argmax(1) == shuffled.labels)
    optimistic = np.mean(fitted.head.logits(shuffled.features[0]).argmax(1) == shuffled.labels)
    assert optimistic > 0.95
    assert 0.3 < honest < 0.7


@pytest.mark.parametrize("strengths", [(0.1,), (1e-3, 0.1)], ids=["one strength", "the best of two"])
def test_samples_are_judged_by_heads_that_did_not_see_them(strengths: tuple[float, ...]) -> None:
    data = clusters()
    fitted = fit_head(data, HeadSettings(regularisation=strengths))
    folds = fitted.folds
    np.testing.assert_array_equal(folds.logits(data.features[0]), fitted.out_of_fold)
    assert np.bincount(folds.unseen_by).tolist() == [data.n // 5] * 5
    # what another runtime computes of the same samples: each fold's own head is applied to it
    elsewhere = folds.logits(data.features[0] + 1)
    for place, head in enumerate(folds.heads):
        unseen = folds.unseen_by == place
        moved = elsewhere[unseen] - fitted.out_of_fold[unseen]
        np.testing.assert_allclose(moved, np.tile(head.weight.sum(axis=1), (len(moved), 1)), rtol=1e-4, atol=1e-3)


def test_a_fold_has_the_head_of_those_it_saw() -> None:
    data, settings = clusters(), HeadSettings(regularisation=(0.1,))
    folds = fit_head(data, settings).folds
    seen = folds.unseen_by != 0
    alone = fit_head(
        TrainingSet(data.features[:, seen], data.labels[seen], data.weights[seen], data.groups[seen], data.classes),
        settings,
    )
    np.testing.assert_allclose(folds.heads[0].weight, alone.head.weight, atol=1e-6)


def test_one_strength_gives_the_head_that_it_gives_among_others() -> None:
    data = clusters()
    among = fit_head(data, HeadSettings(regularisation=(1e-3, 0.1)))
    alone = fit_head(data, HeadSettings(regularisation=(among.regularisation,), threads=2))
    np.testing.assert_array_equal(alone.head.weight, among.head.weight)
    np.testing.assert_array_equal(alone.out_of_fold, among.out_of_fold)


def test_out_of_fold_predictions_do_not_see_their_own_group() -> None:
    # each group is one picture repeated: only grouped folds keep its copies out of training
    rng = np.random.default_rng(2)
    pictures = rng.normal(size=(40, 60)).astype(np.float32)
    groups = np.repeat(np.arange(40), 4)
    labels = rng.integers(0, 2, 40)[groups]
    data = TrainingSet(pictures[groups][None], labels, np.ones(160, np.float32), groups, 2)
    fitted = fit_head(data, HeadSettings(regularisation=(10.0,)))
    assert np.mean(fitted.out_of_fold.argmax(1) == labels) < 0.8


def test_regularisation_with_the_least_cross_validated_log_loss_is_chosen() -> None:
    fitted = fit_head(clusters(n=200, width=200), HeadSettings(regularisation=(1e-6, 1e-2, 1e2)))
    assert fitted.regularisation == min(fitted.losses, key=lambda c: fitted.losses[c])
    assert set(fitted.scores) == set(fitted.losses) == {1e-6, 1e-2, 1e2}


def test_same_seed_gives_the_same_head() -> None:
    settings = HeadSettings(regularisation=(1e-2, 1e-1), seed=3, threads=2)
    first, second = fit_head(clusters(), settings), fit_head(clusters(), settings)
    np.testing.assert_array_equal(first.head.weight, second.head.weight)
    np.testing.assert_array_equal(first.out_of_fold, second.out_of_fold)


def test_samples_without_weight_do_not_count() -> None:
    data = clusters(n=80)
    weights = np.ones(80, np.float32)
    weights[40:] = 1e-9
    flipped = np.where(np.arange(80) >= 40, 1 - data.labels, data.labels)
    settings = HeadSettings(regularisation=(0.1,), folds=2)
    clean = fit_head(TrainingSet(data.features, data.labels, weights, data.groups, 2), settings)
    wrong = fit_head(TrainingSet(data.features, flipped, weights, data.groups, 2), settings)
    np.testing.assert_allclose(clean.head.weight, wrong.head.weight, rtol=1e-3, atol=1e-6)


def test_training_set_keeps_groups_together_and_the_rest_apart() -> None:
    samples = tuple(
        Sample(b"", 0, group=group, sha256=sha) for group, sha in (("a", "1"), (None, "2"), ("a", "3"), (None, "4"))
    )
    data = training_set(np.zeros((1, 4, 2), np.float32), samples, 2)
    assert data.groups[0] == data.groups[2]
    assert len(set(data.groups.tolist())) == 3


def test_features_that_are_no_numbers_are_refused() -> None:
    features = np.ones((1, 3, 4), np.float32)
    features[0, 1, 2] = np.nan
    samples = tuple(Sample(b"", place % 2, sha256=str(place)) for place in range(3))
    with pytest.raises(DataError, match="features of 1 of 3 training images are NaN or infinite"):
        training_set(features, samples, 2)


def test_log_loss_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(scale=5, size=(50, 3)).astype(np.float32), rng.integers(0, 3, 50)
    probabilities = np.exp(logits.astype(np.float64))
    probabilities /= probabilities.sum(1, keepdims=True)
    assert TASK.log_loss(logits, labels) == pytest.approx(metrics.log_loss(labels, probabilities), rel=1e-6)


def test_balanced_relevance_gives_every_part_the_same_say() -> None:
    relevance = balanced_relevance((4, 100))
    assert (relevance[:4] ** 2).sum() == pytest.approx((relevance[4:] ** 2).sum(), rel=1e-5)


def test_a_narrow_part_decides_only_when_stages_are_balanced() -> None:
    # two features say it all, 400 others are noise: with equal relevance the noise outvotes them
    rng = np.random.default_rng(3)
    labels = np.arange(120) % 2
    signal = (labels[:, None] * 2 - 1) + rng.normal(scale=0.7, size=(120, 2))
    features = np.concatenate([signal, rng.normal(size=(120, 400))], axis=1).astype(np.float32)[None]
    settings = HeadSettings(regularisation=(1e-3,))
    plain = TrainingSet(features, labels, np.ones(120, np.float32), np.arange(120), 2)
    balanced = TrainingSet(features, labels, plain.weights, plain.groups, 2, balanced_relevance((2, 400)))
    assert fit_head(balanced, settings).scores[1e-3] > fit_head(plain, settings).scores[1e-3] + 0.05


def test_a_class_in_one_group_only_is_refused() -> None:
    data = clusters(n=60)
    groups = np.where(data.labels == 1, 0, data.groups + 1)
    with pytest.raises(DataError, match="more groups"):
        fit_head(TrainingSet(data.features, data.labels, data.weights, groups, 2), HeadSettings(regularisation=(0.1,)))


def test_a_fit_that_runs_out_of_iterations_says_so() -> None:
    assert fit_head(clusters(), HeadSettings(regularisation=(0.1,))).converged
    assert not fit_head(clusters(), HeadSettings(regularisation=(10.0,), max_iterations=2, tolerance=1e-9)).converged


def several(n: int = 150, seed: int = 0) -> TrainingSet:
    """Three labels that come and go by themselves, the last one rare."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, 3)) < (0.5, 0.3, 0.12)).astype(np.int64)
    samples = tuple(
        Sample(b"", labels=tuple(np.flatnonzero(row).tolist()), sha256=f"{i:03d}") for i, row in enumerate(truth)
    )
    features = truth @ rng.normal(size=(3, 12)) * 2 + rng.normal(size=(n, 12))
    return training_set(features.astype(np.float32)[None], samples, 3, "multilabel")


def test_heads_of_several_labels_are_scikit_learn_s_one_against_the_rest() -> None:
    data = several()
    settings = HeadSettings(regularisation=(0.1,), sigma_floor=0.0, tolerance=1e-6, max_iterations=2000)
    fitted = fit_head(data, settings)
    features = data.features[0].astype(np.float64)
    standardised = (features - features.mean(0)) / features.std(0)
    logits = fitted.head.logits(data.features[0])
    for place in range(3):
        reference = LogisticRegression(C=0.1, tol=1e-6, max_iter=2000).fit(standardised, data.labels[:, place])
        np.testing.assert_allclose(logits[:, place], reference.decision_function(standardised), atol=5e-3)
    assert fitted.out_of_fold.shape == (150, 3)
    right = (fitted.out_of_fold > 0) == data.labels
    assert right.mean() > 0.85
    assert fitted.scores[0.1] == pytest.approx(right.all(axis=1).mean())


def test_a_label_that_nearly_every_training_image_has_is_refused() -> None:
    data = several()
    data.labels[:, 0] = 1
    data.labels[0, 0] = 0
    with pytest.raises(DataError, match="lack class 0"):
        fit_head(data, HeadSettings(regularisation=(0.1,)))
