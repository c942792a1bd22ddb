from __future__ import annotations

import numpy as np
import pytest

from edgetl.device.bench.timing import Timed
from edgetl.device.select import choose


def timed(median_ms: float, seed: int, noise: float = 0.01) -> Timed:
    random = np.random.default_rng(seed)
    samples = [int(1e6 * median_ms * mood) for mood in random.normal(1.0, noise, 12) for _ in range(10)]
    return Timed(tuple(samples), (10,) * 12, 5, True)


def test_the_fastest_wins_and_the_others_are_told_by_how_much() -> None:
    choice = choose({"float": timed(4.10, 1), "int8": timed(2.15, 2)}, frozenset({"float"}), seed=0)
    assert choice.selected == "int8"
    assert choice.rejected_because["float"].startswith("1.9")
    assert "4.1" in choice.rejected_because["float"]
    assert "2.1" in choice.rejected_because["float"]


def test_int8_that_is_slower_than_float_is_not_chosen() -> None:
    choice = choose({"float": timed(2.0, 1), "int8": timed(4.2, 2)}, frozenset({"float"}), seed=0)
    assert choice.selected == "float"
    assert "x the latency of the chosen one (4.2" in choice.rejected_because["int8"]


def test_int8_that_is_only_perhaps_faster_is_not_chosen() -> None:
    slow_and_fast = (2_100_000,) * 10 + (1_900_000,) * 10
    one, other = slow_and_fast * 6, tuple(sample - 10_000 for sample in reversed(slow_and_fast * 6))
    candidates = {"float": Timed(one, (10,) * 12, 5, True), "int8": Timed(other, (10,) * 12, 5, True)}
    choice = choose(candidates, frozenset({"float"}), seed=0)
    assert choice.selected == "float"
    assert "reduced precision without proven gain" in choice.rejected_because["int8"]


def test_an_unproven_candidate_does_not_stand_in_the_way_of_a_proven_one() -> None:
    candidates = {"float": timed(4.0, 1), "int8": timed(2.0, 3)}
    candidates["lucky"] = Timed((1_000_000, 9_000_000) * 2, (2, 2), 5, True)
    choice = choose(candidates, frozenset({"float"}), seed=0)
    assert choice.selected == "int8"
    assert set(choice.rejected_because) == {"float", "lucky"}


def test_without_a_float_candidate_the_fastest_wins() -> None:
    assert choose({"a": timed(3.0, 1), "b": timed(2.9, 2, noise=0.3)}, frozenset(), seed=0).selected in ("a", "b")


def test_between_float_candidates_no_proof_is_needed() -> None:
    candidates = {"a": timed(3.0, 1), "b": timed(2.99, 2)}
    fastest = min(candidates, key=lambda name: np.median(candidates[name].samples_ns))
    assert choose(candidates, frozenset("ab"), seed=0).selected == fastest


def test_nothing_is_chosen_from_nothing() -> None:
    assert choose({}, frozenset(), seed=0).selected is None


@pytest.mark.parametrize("blocks", [10, 20])
@pytest.mark.parametrize("reduced", [1, 3, 6])
def test_what_is_no_faster_is_hardly_ever_chosen(reduced: int, blocks: int) -> None:
    """All are the same: their turns meet one mood of the machine, and each block has a mood of its own besides."""
    random, wrong, runs = np.random.default_rng(reduced), 0, 60
    for run in range(runs):
        shared = random.normal(0, 0.03, blocks)
        names = ["float", *(f"int8-{place}" for place in range(reduced))]
        timed = {name: moody(shared + random.normal(0, 0.02, blocks), random) for name in names}
        wrong += choose(timed, frozenset({"float"}), run).selected != "float"
    assert wrong / runs <= 0.06


def moody(moods: np.ndarray, random: np.random.Generator) -> Timed:
    samples = 2e6 * np.exp(np.repeat(moods, 10) + random.normal(0, 0.02, 10 * len(moods)))
    return Timed(tuple(int(one) for one in samples), (10,) * len(moods), 5, True)


def test_a_gain_below_the_margin_is_not_worth_reduced_precision() -> None:
    candidates = {"float": timed(2.0, 1, noise=0.001), "int8": timed(1.98, 2, noise=0.001)}
    choice = choose(candidates, frozenset({"float"}), seed=0)
    assert choice.selected == "float"
    assert "must be below 0.98" in choice.rejected_because["int8"]
