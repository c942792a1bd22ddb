"""Rungs are data: which treatments are tried, in which sets, and under which names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.host.ladder.rungs import (
    FIRST,
    Rung,
    first_rungs,
    other_rungs,
    treated,
    treatments_alone,
    treatments_together,
    untreated,
    with_one_less,
)
from edgetl.host.quantize import RenderSettings
from edgetl.plugins import TREATMENTS

NAMES = ("one", "two", "three", "four")


def asked(alone: dict[str, float], lost: Callable[[frozenset[str]], float]) -> list[tuple[str, ...]]:
    search, sets = treatments_together(alone), []
    try:
        names = next(search)
        while True:
            sets.append(names)
            names = search.send(lost(frozenset(names)))
    except StopIteration:
        return sets


def test_the_one_that_helped_most_is_joined_by_the_others_in_turn() -> None:
    sets = asked({"one": 0.3, "two": 0.1, "three": 0.2}, lambda names: 0.1 / len(names))

    assert sets == [("two", "three"), ("two", "three", "one")]


def test_what_brought_nothing_is_in_no_larger_set() -> None:
    sets = asked({"one": 0.1, "two": 0.2, "three": 0.3}, lambda names: 0.1 if "two" in names else 0.05)

    assert sets == [("one", "two"), ("one", "three")]


@pytest.mark.parametrize("alone", [{}, {"one": 0.1}])
def test_there_is_nothing_to_join_where_fewer_than_two_helped(alone: dict[str, float]) -> None:
    assert asked(alone, lambda _: 0.0) == []


@given(st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1)), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_each_that_helped_is_joined_once_at_most(alone: dict[str, float], answers: object) -> None:
    sets = asked(alone, lambda _: answers.random())  # type: ignore[attr-defined]

    assert len(sets) == max(0, len(alone) - 1)
    assert len({frozenset(names) for names in sets}) == len(sets)
    assert all(set(names) <= alone.keys() for names in sets)


def test_every_treatment_that_a_rung_has_not_is_tried_alone() -> None:
    (base,) = FIRST[1:]

    names = treatments_alone("x86-vnni", base, tuple(TREATMENTS))

    assert set(names) | set(base.treatments) == set(TREATMENTS)
    assert not set(names) & set(base.treatments)
    assert treatments_alone("fp16", base, tuple(TREATMENTS)) == ()


def test_a_treated_rung_says_what_was_done_and_keeps_the_rest() -> None:
    base = Rung("mse ranges", settings=RenderSettings(estimator="mse"))

    rung = treated(base, ("adaptive-rounding", "equalise"))

    assert rung.name == "channels equalised and weights rounded together, mse ranges"
    assert rung.on_graph == ("equalise",)
    assert rung.settings == replace(base.settings, treatments=("adaptive-rounding", "bias-correction"))
    assert rung.treatments == ("equalise", "adaptive-rounding", "bias-correction")


@pytest.mark.parametrize("name", ["equalise", "adaptive-rounding"])
def test_taking_a_treatment_away_gives_the_rung_without_it(name: str) -> None:
    rung = treated(FIRST[1], (name,))

    assert replace(untreated(rung, name), name="") == replace(FIRST[1], name="")


@pytest.mark.parametrize("allowed", [(), ("equalise",), ("adaptive-rounding", "bias-correction")])
def test_no_rung_has_a_treatment_that_is_switched_off(allowed: tuple[str, ...]) -> None:
    rungs = (*first_rungs(True, allowed), *other_rungs("x86-vnni", "percentile", allowed))

    assert len(rungs) == 5
    assert {name for rung in rungs for name in rung.treatments} == {"bias-correction"} & set(allowed)
    assert set(treatments_alone("x86-vnni", rungs[0], allowed)) == set(allowed) - {"bias-correction"}


def test_what_a_rung_has_is_taken_away_to_know_what_it_gains() -> None:
    (base,) = first_rungs(False, tuple(TREATMENTS))

    (one,) = with_one_less("x86-vnni", base)

    assert one.name == "without bias-correction, head as it was"
    assert one.treatments == ()
    assert with_one_less("fp16", base) == ()
