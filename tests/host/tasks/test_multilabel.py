from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from edgetl.device.tasks.multilabel import MultilabelTask
from edgetl.host.tasks.multilabel import TASK


def test_loss_is_binary_cross_entropy_and_weights_count() -> None:
    logits, targets = torch.tensor([[2.0, -1.0], [0.5, 0.5]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    probabilities = torch.sigmoid(logits)
    each = -(targets * probabilities.log() + (1 - targets) * (1 - probabilities).log()).mean(dim=1)
    assert TASK.loss(logits, targets, torch.tensor([1.0, 3.0])).item() == pytest.approx(
        float(each[0] + 3 * each[1]) / 4
    )


def test_balanced_weights_let_having_and_not_having_each_class_count_the_same() -> None:
    targets = np.array([[1, 0], [0, 0], [0, 0], [0, 1], [1, 1]], np.float32)
    weights = np.array([1, 1, 2, 1, 1], np.float32)
    balanced = TASK.balanced(targets, weights)
    having, lacking = (balanced * targets).sum(axis=0), (balanced * (1 - targets)).sum(axis=0)
    np.testing.assert_allclose([having, lacking], np.full((2, 2), 3.0), rtol=1e-6)
    assert balanced[2, 0] == 2 * balanced[1, 0] > 0
    assert balanced[0, 0] > balanced[1, 0]


def test_a_balanced_batch_of_images_without_any_class_has_a_loss_that_teaches() -> None:
    targets = np.array([[0, 0], [0, 0], [1, 1]], np.float32)
    weights = torch.from_numpy(TASK.balanced(targets, np.ones(3, np.float32)))[:2]
    logits = torch.zeros(2, 2, requires_grad=True)
    TASK.loss(logits, torch.zeros(2, 2), weights).backward()
    assert logits.grad is not None
    assert bool((logits.grad > 0).all())


def test_log_loss_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    logits, truth = rng.normal(scale=5, size=(50, 3)).astype(np.float32), rng.integers(0, 2, (50, 3))
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = np.mean([metrics.log_loss(truth[:, i], probabilities[:, i]) for i in range(3)])
    assert TASK.log_loss(logits, truth) == pytest.approx(expected, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=20).filter(
        lambda x: any(t for _, t in x)
    )
)
def test_no_threshold_has_a_better_f1_than_the_chosen_one(samples: list[tuple[int, bool]]) -> None:
    logits = np.array([[value] for value, _ in samples], np.float32)
    truth = np.array([[int(true)] for _, true in samples])

    def f1(threshold: float) -> float:
        given_ = MultilabelTask((threshold,)).decisions({"logits": logits})
        return float(metrics.f1_score(truth[:, 0], given_[:, 0], zero_division=0.0))

    (chosen,) = TASK.thresholds(logits, truth)
    others = 1 / (1 + np.exp(-(np.arange(-6, 6) + 0.5)))
    assert f1(chosen) == pytest.approx(max(f1(other) for other in others))


def test_a_class_that_no_sample_has_keeps_the_middle() -> None:
    assert TASK.thresholds(np.ones((4, 1), np.float32), np.zeros((4, 1), np.int64)) == (0.5,)
