from __future__ import annotations

import numpy as np
import pytest

from edgetl.device.tasks.class_scores import class_scores


def test_scores_follow_from_counts() -> None:
    scores = class_scores(("a", "b"), np.array([4, 0]), np.array([2, 1]), np.array([2, 0]))
    assert [score.label for score in scores] == ["a", "b"]
    assert (scores[0].support, scores[0].precision, scores[0].recall) == (4, 1.0, 0.5)
    assert scores[0].f1 == pytest.approx(2 / 3)


def test_a_class_that_never_occurs_scores_nothing() -> None:
    (score,) = class_scores(("rare",), np.array([0]), np.array([0]), np.array([0]))
    assert (score.precision, score.recall, score.f1) == (0.0, 0.0, 0.0)


def test_names_and_counts_must_fit() -> None:
    with pytest.raises(ValueError, match="zip"):
        class_scores(("a",), np.array([1, 2]), np.array([1, 2]), np.array([1, 2]))
