"""Flips, by class and for the better or worse, against counting by hand."""

from __future__ import annotations

from collections import Counter
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.tasks import Pair
from edgetl.device.tasks.classify import TASK
from edgetl.device.tasks.flips import KINDS_MAX, Hits, flips, kinds_of_flips
from edgetl.device.tasks.multilabel import MultilabelTask
from edgetl.device.tasks.statistics import drop_interval, flip_rate, mcnemar
from edgetl.tensors import Array

CLASSES = ("a", "b", "c")
PLACES = st.integers(0, 2)


def sure(classes: list[int]) -> dict[str, Array]:
    """Logits of a classifier that says these."""
    return {"logits": np.eye(3, dtype=np.float32)[classes] * 4}


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(PLACES, PLACES, PLACES), min_size=1, max_size=40))
def test_flips_are_what_counting_them_one_by_one_gives(rows: list[tuple[int, int, int]]) -> None:
    before, after, truth = (list(column) for column in zip(*rows, strict=True))
    found = TASK.compare(Pair(sure(before), sure(after), np.array(truth)), CLASSES, seed=0)
    changed = [(CLASSES[b], CLASSES[a]) for b, a, _ in rows if b != a]
    assert found.flips is not None
    assert (found.n, found.flips.count, found.flips.rate.value) == (len(rows), len(changed), len(changed) / len(rows))
    assert {(kind.reference, kind.candidate): kind.count for kind in found.flips.kinds} == Counter(changed)
    assert found.flips.harmful == sum(b == t != a for b, a, t in rows)
    assert found.flips.beneficial == sum(b != t == a for b, a, t in rows)
    assert found.flips.harmful == sum(kind.harmful or 0 for kind in found.flips.kinds)
    assert found.flips.beneficial == sum(kind.beneficial or 0 for kind in found.flips.kinds)
    counts = [kind.count for kind in found.flips.kinds]
    assert counts == sorted(counts, reverse=True)
    for recall in found.recalls:
        own = [(b == t, a == t) for b, a, t in rows if CLASSES[t] == recall.label]
        assert (recall.reference, recall.candidate) == tuple(np.mean(own, axis=0))
        assert recall.drop.n == len(own)
        assert recall.drop.ci95[0] <= recall.drop.value <= recall.drop.ci95[1]
    assert {recall.label for recall in found.recalls} == {CLASSES[place] for place in truth}


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(*[st.lists(st.integers(0, 1), min_size=3, max_size=3)] * 3),
        min_size=1,
        max_size=20,
    )
)
def test_flips_of_several_labels_are_counted_by_label_and_their_samples_once(rows: list[tuple[list[int], ...]]) -> None:
    before, after, truth = (np.array(column) for column in zip(*rows, strict=True))
    outputs = [{"logits": (8.0 * given_ - 4).astype(np.float32)} for given_ in (before, after)]
    found = MultilabelTask().compare(Pair(*outputs, truth), CLASSES, seed=0).flips
    assert found is not None
    assert found.count == sum(bool((b != a).any()) for b, a in zip(before, after, strict=True))
    for place, label in enumerate(CLASSES):
        lost = [t for b, a, t in zip(before[:, place], after[:, place], truth[:, place], strict=True) if b > a]
        kind = [one for one in found.kinds if one.reference == label]
        assert [(one.candidate, one.count, one.harmful, one.beneficial) for one in kind] == (
            [(f"not {label}", len(lost), sum(lost), len(lost) - sum(lost))] if lost else []
        )
    right = [(b.tolist() == t.tolist(), a.tolist() == t.tolist()) for b, a, t in zip(before, after, truth, strict=True)]
    assert (found.harmful, found.beneficial) == (right.count((True, False)), right.count((False, True)))


def test_of_very_many_kinds_the_rarest_are_left_out_and_the_counts_stay() -> None:
    before = np.concatenate([np.arange(1, 300), [1, 1]])
    after = np.zeros_like(before)
    found = flips(before, after, None, kinds_of_flips(before, after, [str(place) for place in range(300)], None))
    assert len(found.kinds) == KINDS_MAX
    assert (found.kinds[0].reference, found.kinds[0].count, found.count) == ("1", 3, 301)
    assert (found.harmful, found.beneficial, found.mcnemar_p, found.kinds[0].harmful) == (None, None, None, None)


def test_what_is_lost_and_won_adds_up() -> None:
    hits = Hits(np.array([True, True, False, False]), np.array([True, False, True, False]))
    assert hits.lost.tolist() == [False, True, False, False]
    assert hits.won.tolist() == [False, False, True, False]


@settings(max_examples=60, deadline=None)
@given(lost=st.integers(0, 60), won=st.integers(0, 60))
def test_mcnemar_is_the_sign_test_of_what_differs(lost: int, won: int) -> None:
    n = lost + won
    exact = min(1.0, 2 * sum(comb(n, k) for k in range(min(lost, won) + 1)) / 2**n)
    assert mcnemar(lost, won) == pytest.approx(exact, rel=1e-9)
    assert mcnemar(lost, won) == mcnemar(won, lost)


def test_mcnemar_of_known_and_of_very_many_pairs() -> None:
    # 2 * (1 + 9 + 36) / 2 ** 9
    assert mcnemar(2, 7) == pytest.approx(0.1796875)
    assert mcnemar(0, 0) == 1.0
    assert 0 < mcnemar(49_000, 51_000) < 1e-9


@pytest.mark.parametrize(
    ("lost", "won", "n", "expected"),
    [
        pytest.param(0, 0, 100, (-(1 - 0.025 ** (1 / 100)), 1 - 0.025 ** (1 / 100)), id="nothing differs"),
        # large samples: (700 - 500) / n -+ 1.96 sqrt(1200 - 200 ** 2 / n) / n
        pytest.param(700, 500, 10_000, (0.02 - 0.00678, 0.02 + 0.00678), id="large sample"),
    ],
)
def test_the_interval_of_a_drop_is_what_theory_says(lost: int, won: int, n: int, expected: tuple[float, float]) -> None:
    assert drop_interval(lost, won, n) == pytest.approx(expected, rel=0.02)
    low, high = drop_interval(won, lost, n)
    assert (-high, -low) == drop_interval(lost, won, n)


@pytest.mark.parametrize("rate", [0.005, 0.03, 0.2])
def test_the_interval_of_the_flip_rate_holds_the_truth_about_as_often_as_it_says(rate: float) -> None:
    n, runs = 400, 2000
    counts = np.random.default_rng(0).binomial(n, rate, runs)
    zeros = np.zeros(n, np.int64)
    bounds = {count: flip_rate(zeros, (np.arange(n) < count).astype(np.int64)).ci95 for count in set(counts.tolist())}
    held = np.mean([bounds[count][0] <= rate <= bounds[count][1] for count in counts.tolist()])
    # Wilson's interval is right on average over rates; of one rate it is known to swing by about two points
    assert 0.93 <= held <= 0.985


@pytest.mark.parametrize(("lost", "won"), [(0.01, 0.01), (0.04, 0.01)], ids=["no drop", "drop"])
def test_the_interval_of_a_drop_holds_the_truth_in_95_percent_of_cases(lost: float, won: float) -> None:
    n, runs = 200, 300
    counts = np.random.default_rng(1).multinomial(n, (lost, won, 1 - lost - won), runs)
    bounds = [drop_interval(int(a), int(b), n) for a, b, _ in counts]
    assert np.mean([low <= lost - won <= high for low, high in bounds]) >= 0.94
