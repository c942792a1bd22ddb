"""Promises of ``benchmarks/peers/race.py``, with outputs that nobody built."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from peers.build import TIME_LIMIT_S, Finished, Output
from peers.contenders import ACCURACY_CONTROL, EDGETL, LABELLED, UNLABELLED, Contender
from peers.race import needless_because, race, terms_of

PLAIN, SCOPED = ACCURACY_CONTROL
WITHIN = [{"tool": PLAIN.name, "within_gate": False}, {"tool": SCOPED.name, "within_gate": True}]


def ours(contender: Contender, seconds: float, variants: Sequence[str] = ("fp32", "int8-x86-vnni")) -> Finished:
    return done(contender, seconds, settings={"variants": list(variants)})


def done(contender: Contender, seconds: float, **output: Any) -> Finished:
    return Finished(contender, Path(), Output({}, seconds, **output))


def stopped(contender: Contender, seconds: float) -> Finished:
    return done(contender, seconds, failed=f"not done after {seconds:.0f} s", stopped_after_s=seconds)


def test_accuracy_control_is_stopped_after_four_times_the_faster_way_with_labels() -> None:
    before = [ours(EDGETL, 50.0), ours(LABELLED, 100.0), ours(UNLABELLED, 30.0)]
    assert terms_of(PLAIN, before, True).limit_s == 200.0


def test_time_without_an_int8_graph_that_passed_does_not_count() -> None:
    before = [ours(EDGETL, 300.0, ["fp32"]), ours(LABELLED, 100.0)]
    assert terms_of(PLAIN, before, True).limit_s == 400.0
    assert race([*before, done(PLAIN, 160.0)], WITHIN)["int8_built_by"] == LABELLED.name


def test_accuracy_control_is_stopped_after_the_longest_way_where_no_int8_graph_passed() -> None:
    before = [ours(EDGETL, 50.0, ["fp32"]), ours(LABELLED, 100.0, ["fp32"])]
    assert terms_of(PLAIN, before, True).limit_s == 400.0
    assert race([*before, stopped(PLAIN, 400.0)], WITHIN) == {}


def test_accuracy_control_alone_has_as_long_as_any_tool() -> None:
    assert terms_of(PLAIN, [], True).limit_s == TIME_LIMIT_S


@pytest.mark.parametrize("contender", [EDGETL, LABELLED, PLAIN, SCOPED], ids=lambda one: one.name)
def test_what_is_compared_is_built_anew_in_a_timed_run_only(contender: Contender) -> None:
    assert [terms_of(contender, [], is_timed).anew for is_timed in (True, False)] == [True, False]


def test_further_setting_of_what_was_stopped_is_needless() -> None:
    because = "not built, because 'NNCF accuracy control' was not done after 400 s"
    assert needless_because(SCOPED, [stopped(PLAIN, 400.0)]) == because
    assert needless_because(SCOPED, [done(PLAIN, 300.0)]) is None
    assert needless_because(LABELLED, [stopped(PLAIN, 400.0)]) is None


def test_race_is_against_the_fastest_that_ended_within_the_gate() -> None:
    found = race([ours(LABELLED, 50.0), done(PLAIN, 100.0), done(SCOPED, 200.0)], WITHIN)
    assert (found["accuracy_control"], found["build_time_ratio"]) == (SCOPED.name, 0.25)
    assert found["accuracy_control_done"]


def test_race_is_against_the_fastest_that_ended_where_none_did_within_the_gate() -> None:
    found = race([ours(LABELLED, 50.0), done(PLAIN, 100.0), done(SCOPED, 200.0)], [])
    assert (found["accuracy_control"], found["build_time_ratio"]) == (PLAIN.name, 0.5)


def test_race_against_what_was_stopped_says_so() -> None:
    found = race([ours(LABELLED, 50.0), stopped(PLAIN, 200.0), done(SCOPED, 0.0, failed="not built")], [])
    assert (found["build_time_ratio"], found["accuracy_control_done"]) == (0.25, False)


def test_times_of_different_runs_are_not_compared() -> None:
    earlier = Finished(PLAIN, Path(), Output({}, 100.0), reused=True)
    assert race([ours(LABELLED, 50.0), earlier], WITHIN) == {}
