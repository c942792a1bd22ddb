from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from edgetl.device.tasks import Pair
from edgetl.device.tasks.multilabel import TASK, MultilabelTask
from edgetl.device.tasks.multilabel_metrics import macro_f1
from edgetl.device.tasks.probabilities import sigmoid
from edgetl.device.tasks.statistics import flip_rate
from edgetl.errors import DataError, Unsupported
from edgetl.gates import Gates

CLASSES = ("a", "b", "c")


def sample(n: int = 200, noise: float = 1.0, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Logits that know about truth, and truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, 3)) < (0.5, 0.3, 0.1)).astype(np.int64)
    return {"logits": (2 * truth - 1 + noise * rng.normal(size=(n, 3))).astype(np.float32)}, truth


def test_metrics_equal_scikit_learn() -> None:
    outputs, truth = sample()
    found = TASK.metrics(outputs, truth, CLASSES, seed=0)
    given = TASK.decisions(outputs)
    values = {interval.metric: interval for interval in found.values}
    assert list(values) == ["macro F1", "mean average precision", "subset accuracy"]
    assert found.headline.value == pytest.approx(reference.f1_score(truth, given, average="macro"))
    average = reference.average_precision_score(truth, sigmoid(outputs["logits"]), average="macro")
    assert values["mean average precision"].value == pytest.approx(average)
    assert values["subset accuracy"].value == pytest.approx(reference.accuracy_score(truth, given))
    precision, recall, f1, support = reference.precision_recall_fscore_support(truth, given)
    for place, score in enumerate(found.per_class):
        assert (score.label, score.support) == (CLASSES[place], support[place])
        assert (score.precision, score.recall, score.f1) == pytest.approx((precision[place], recall[place], f1[place]))
    for interval in found.values:
        assert interval.ci95[0] < interval.value < interval.ci95[1]


def test_average_precision_takes_equal_scores_together() -> None:
    outputs, truth = sample(60)
    outputs = {"logits": np.round(outputs["logits"])}
    found = TASK.metrics(outputs, truth, CLASSES, seed=0).values[1].value
    expected = reference.average_precision_score(truth, sigmoid(outputs["logits"]), average="macro")
    assert found == pytest.approx(expected)


def test_labels_are_those_above_their_own_threshold() -> None:
    outputs = {"logits": np.array([[0.1, 2.0, -3.0], [-1.0, -1.0, -1.0]], np.float32)}
    first, second = MultilabelTask((0.6, 0.5, 0.01)).predictions(outputs, CLASSES)
    assert (first.labels, first.indices) == (("b", "c"), (1, 2))
    assert list(first.scores) == ["b", "a", "c"]
    assert second.labels == ("c",)
    assert TASK.predictions(outputs, CLASSES)[1].labels == ()


def test_truth_takes_tuples_and_refuses_single_labels() -> None:
    assert TASK.truth([(0, 2), ()], 3).tolist() == [[1, 0, 1], [0, 0, 0]]
    with pytest.raises(DataError, match='kind = "classify"'):
        TASK.truth([1], 3)


def test_thresholds_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(Unsupported, match="2 thresholds for 3 logits"):
        MultilabelTask((0.5, 0.5)).decisions(sample()[0])


def test_logits_that_are_not_finite_are_never_right_and_never_judged() -> None:
    outputs, truth = sample(4)
    outputs["logits"][0, 0] = np.nan
    assert not TASK.hits(outputs, truth)[0]
    for judge in (
        lambda: TASK.metrics(outputs, truth, CLASSES, seed=0),
        lambda: TASK.predictions(outputs, CLASSES),
        lambda: TASK.drop("drop", Pair(outputs, outputs, truth), Gates()),
    ):
        with pytest.raises(Unsupported, match="NaN or infinite"):
            judge()


def test_a_sample_flips_once_however_many_of_its_labels_do() -> None:
    before = np.zeros((4, 3), np.int64)
    after = before.copy()
    after[1] = 1
    assert flip_rate(before, after).value == 0.25


def test_equal_decisions_drop_nothing_and_the_bound_follows_the_rule_of_three() -> None:
    outputs, truth = sample(1000, noise=0.01)
    check = TASK.drop("drop", Pair(outputs, outputs, truth), Gates(accuracy_drop_max=0.005, margin=0.015))
    assert check.passed
    assert check.value == 0.0
    few, few_truth = sample(40, noise=0.01)
    check = TASK.drop("drop", Pair(few, few, few_truth), Gates(accuracy_drop_max=0.005, margin=0.015))
    assert not check.passed
    assert "too few samples to tell" in check.reason


def test_the_drop_is_that_of_macro_f1_and_a_large_one_fails() -> None:
    outputs, truth = sample(1000)
    worse = {"logits": outputs["logits"] - np.float32(1.5)}
    check = TASK.drop("drop", Pair(outputs, worse, truth), Gates())
    expected = [reference.f1_score(truth, TASK.decisions(one), average="macro") for one in (outputs, worse)]
    assert check.value == pytest.approx(expected[0] - expected[1])
    assert not check.passed
    assert TASK.drop("drop", Pair(worse, outputs, truth), Gates(accuracy_drop_max=0.0, margin=0.0)).value < 0


def test_one_lost_decision_is_forgiven_only_where_asked() -> None:
    outputs, truth = sample(400, noise=0.01)
    worse = {"logits": outputs["logits"].copy()}
    worse["logits"][np.flatnonzero(truth[:, 2])[0], 2] = -5
    gates = Gates(accuracy_drop_max=0.0, margin=0.1)
    assert not TASK.drop("drop", Pair(outputs, worse, truth), gates).passed
    assert TASK.drop("drop", Pair(outputs, worse, truth), gates, least=1).passed


def test_a_drop_that_chance_may_have_made_says_how_many_samples_would_tell() -> None:
    outputs, truth = sample(60, noise=0.01)
    worse = {"logits": outputs["logits"].copy()}
    worse["logits"][np.flatnonzero(truth[:, 1])[0], 1] = -5
    check = TASK.drop("drop", Pair(outputs, worse, truth), Gates(accuracy_drop_max=0.005, margin=0.015))
    assert not check.passed
    assert "chance may have made it so large" in check.reason
    assert int(check.reason.split("about ")[1].split(" ")[0]) > 60
    outputs, truth = sample(1000)
    beyond = TASK.drop("drop", Pair(outputs, {"logits": outputs["logits"] - np.float32(1.5)}, truth), Gates())
    assert "needed" not in beyond.reason


@pytest.mark.parametrize("loss_rate", [0.002, 0.02], ids=["rare", "common"])
def test_the_bound_holds_in_about_95_percent_of_experiments(loss_rate: float) -> None:
    # decisions of a faultless reference are lost at a known rate; the true drop is found on very many samples
    rng = np.random.default_rng(1)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        truth = (rng.random((n, 2)) < (0.5, 0.25)).astype(np.int64)
        return truth, truth * (rng.random((n, 2)) >= loss_rate)

    truth, lossy = draw(400_000)
    true_drop = 1 - float(macro_f1(lossy, truth)(np.ones((len(truth), 1)))[0])
    gates = Gates(accuracy_drop_max=1.0, margin=0.0)
    held = []
    for _ in range(60):
        truth, lossy = draw(300)
        pair = Pair(*({"logits": np.where(one, 5.0, -5.0).astype(np.float32)} for one in (truth, lossy)), truth)
        reason = TASK.drop("drop", pair, gates).reason
        held.append(float(reason.split("95 % bound ")[1].split(",")[0]) / 100 >= true_drop)
    assert np.mean(held) >= 0.88
