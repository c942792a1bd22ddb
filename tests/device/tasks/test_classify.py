"""Metrics of a classifier agree with scikit-learn, and say how sure they are."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from edgetl.device.tasks.classify import TASK, Prediction
from edgetl.device.tasks.probabilities import softmax
from edgetl.errors import Unsupported
from edgetl.evaluation import Metrics
from edgetl.tensors import Array

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="needs edgetl[host]")


def _sample(classes: int, n: int, seed: int, decimals: int = 1) -> tuple[Array, Array]:
    """Logits with many ties (they are rounded) that tell something of the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, n, p=rng.dirichlet(np.full(classes, 3.0)))
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    return np.round(logits, decimals).astype(np.float32), labels


def _metrics(logits: Array, labels: Array, seed: int = 0) -> Metrics:
    classes = tuple(f"class {index}" for index in range(logits.shape[1]))
    return TASK.metrics({"logits": logits}, labels, classes, seed)


def _value(metrics: Metrics, name: str) -> float:
    return next(interval.value for interval in metrics.values if interval.metric == name)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("classes", [2, 3, 10])
def test_metrics_equal_those_of_scikit_learn(classes: int, seed: int) -> None:
    logits, labels = _sample(classes, 400, seed)
    metrics = _metrics(logits, labels)
    predicted, probabilities = logits.argmax(axis=1), softmax(logits)
    area = (
        sklearn_metrics.roc_auc_score(labels, probabilities[:, 1])
        if classes == 2
        else sklearn_metrics.roc_auc_score(labels, probabilities, multi_class="ovr", labels=range(classes))
    )
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(labels, predicted),
        "balanced accuracy": sklearn_metrics.balanced_accuracy_score(labels, predicted),
        "macro F1": sklearn_metrics.f1_score(labels, predicted, average="macro"),
        "AUROC": area,
    }
    for name, value in expected.items():
        assert _value(metrics, name) == pytest.approx(value, abs=1e-9), name
    matrix = sklearn_metrics.confusion_matrix(labels, predicted, labels=range(classes))
    assert metrics.confusion == tuple(map(tuple, matrix.tolist()))
    scores = sklearn_metrics.precision_recall_fscore_support(labels, predicted, labels=range(classes), zero_division=0)
    for index, score in enumerate(metrics.per_class):
        found = (score.precision, score.recall, score.f1, score.support)
        assert found == pytest.approx([column[index] for column in scores], abs=1e-9)


def test_a_class_that_does_not_occur_is_left_out_of_means() -> None:
    logits, labels = _sample(4, 200, 0)
    labels = np.where(labels == 3, 0, labels)
    logits[:, 3] = -50
    metrics, predicted = _metrics(logits, labels), logits.argmax(axis=1)
    assert _value(metrics, "balanced accuracy") == pytest.approx(
        sklearn_metrics.balanced_accuracy_score(labels, predicted), abs=1e-9
    )
    assert _value(metrics, "macro F1") == pytest.approx(
        sklearn_metrics.f1_score(labels, predicted, average="macro"), abs=1e-9
    )


def test_calibration_error_is_that_of_guo() -> None:
    logits, labels = _sample(3, 500, 2, decimals=4)
    probabilities = softmax(logits)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        if inside.any():
            expected += inside.mean() * abs(hit[inside].mean() - confidence[inside].mean())
    assert _value(_metrics(logits, labels), "ECE") == pytest.approx(expected, abs=1e-9)


def test_auroc_is_left_out_when_one_class_occurs() -> None:
    metrics = _metrics(np.array([[2, 1], [1, 2]], np.float32), np.array([0, 0]))
    assert [interval.metric for interval in metrics.values] == ["accuracy", "balanced accuracy", "macro F1", "ECE"]


def test_one_sample_is_enough_for_numbers_and_says_how_little_it_says() -> None:
    accuracy = _metrics(np.array([[2, 1]], np.float32), np.array([0])).headline
    assert (accuracy.value, accuracy.ci95[1]) == (1.0, 1.0)
    assert accuracy.ci95[0] < 0.25


def test_resamples_without_a_rare_class_do_not_break_the_intervals() -> None:
    logits, labels = _sample(3, 60, 3)
    labels = np.where(labels == 2, 0, labels)
    labels[0] = 2
    for interval in _metrics(logits, labels).values:
        assert 0 <= interval.ci95[0] <= interval.ci95[1] <= 1


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    covered: dict[str, list[bool]] = {}
    big_logits, big_labels = _sample(2, 40_000, 0)
    truth = {i.metric: i.value for i in _metrics(big_logits[:20_000], big_labels[:20_000]).values}
    rng = np.random.default_rng(1)
    for _ in range(60):
        chosen = rng.choice(len(big_labels), 150, replace=False)
        for interval in _metrics(big_logits[chosen], big_labels[chosen]).values:
            inside = interval.ci95[0] <= truth[interval.metric] <= interval.ci95[1]
            covered.setdefault(interval.metric, []).append(inside)
    for name in ("accuracy", "balanced accuracy", "macro F1", "AUROC"):
        assert np.mean(covered[name]) > 0.85, name


def test_a_prediction_ranks_every_class() -> None:
    (prediction,) = TASK.predictions({"logits": np.log(np.array([[0.2, 0.7, 0.1]], np.float32))}, ("a", "b", "c"))
    assert isinstance(prediction, Prediction)
    assert (prediction.label, prediction.index) == ("b", 1)
    assert list(prediction.scores) == ["b", "a", "c"]
    assert prediction.scores == pytest.approx({"b": 0.7, "a": 0.2, "c": 0.1}, abs=1e-6)
    assert prediction.score == prediction.scores["b"]


def test_softmax_of_large_logits_is_finite() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(softmax(np.array([[3e38, 0], [-3e38, 0]], np.float32)), [[1, 0], [0, 1]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_decision_on_logits_that_are_not_finite_is_never_right(bad: float) -> None:
    outputs = {"logits": np.array([[bad, 0], [1, 0]], np.float32)}
    assert TASK.decisions(outputs).tolist() == [-1, 0]
    assert TASK.hits(outputs, np.array([0, 0])).tolist() == [False, True]
    with pytest.raises(Unsupported, match="logits of 1 of 2 samples are NaN or infinite"):
        TASK.predictions(outputs, ("a", "b"))
    with pytest.raises(Unsupported, match="NaN or infinite"):
        TASK.metrics(outputs, np.array([0, 0]), ("a", "b"), 0)


@pytest.mark.parametrize(
    "outputs",
    [
        pytest.param({"scores": np.zeros((1, 2), np.float32)}, id="other-name"),
        pytest.param({"logits": np.zeros((1, 2, 3), np.float32)}, id="other-rank"),
        pytest.param({"logits": np.zeros((1, 2), np.int64)}, id="not-float"),
    ],
)
def test_outputs_of_another_kind_are_refused(outputs: dict[str, Array]) -> None:
    with pytest.raises(Unsupported, match="a classifier needs one output 'logits'"):
        TASK.decisions(outputs)


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0], [0]], ids=["too-large", "negative", "too-few"])
def test_labels_that_do_not_fit_are_refused(labels: list[int]) -> None:
    with pytest.raises(Unsupported):
        TASK.metrics({"logits": np.zeros((2, 2), np.float32)}, np.array(labels), ("a", "b"), 0)
