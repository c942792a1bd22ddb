"""Promises of the ladder: what it tries, when it stops, what it chooses, and that it goes on where it was stopped."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetl.artifact import sha256_of
from edgetl.gates import Gates
from edgetl.host.cache import Cache
from edgetl.host.graph import read_graph
from edgetl.host.judge import verdict
from edgetl.host.ladder import Ascent, climb
from edgetl.host.ladder.ascent import Purse
from edgetl.host.ladder.rungs import first_rungs, other_rungs
from edgetl.host.ladder.sensitivity import noise_of
from edgetl.host.quantize.coverage import coverage
from edgetl.ladder import Ladder

AscentOf = Callable[..., Ascent]
MachineOf = Callable[..., Any]


def renewed(asked: Ascent) -> Ascent:
    """The same in a run that takes nothing that was measured before."""
    workspace = replace(asked.workspace, cache=Cache(asked.workspace.cache.root, fresh=True))
    return replace(asked, jury=replace(asked.jury, workspace=workspace))


def test_it_stops_at_the_first_graph_that_passes_and_times_nothing(ascent: AscentOf, machine_of: MachineOf) -> None:
    machine = machine_of()
    climbed = climb(ascent(machine=machine))
    (only,) = climbed.ladder.attempts
    assert (only.name, only.head, only.passed) == ("head as it was", "as it was", True)
    assert only.untimed_because
    assert climbed.ladder.passed
    assert not machine.timed
    assert climbed.made.model.name == "int8-x86-vnni.onnx"


def test_a_channel_that_drowns_the_others_is_rescued_by_layers_in_float(ascent: AscentOf) -> None:
    asked = ascent(spread=1e4)
    climbed = climb(asked)
    ladder = climbed.ladder
    assert not ladder.attempts[0].passed
    assert "accuracy drop" in ladder.attempts[0].reason
    assert ladder.passed
    (chosen,) = [one for one in ladder.attempts if one.name == ladder.chosen]
    assert chosen.in_float == ("between", "conv1", "conv2")
    assert coverage(read_graph(climbed.made.model)).quantized == ("conv0", "conv3")
    assert all(check.passed for check in verdict(climbed.made, asked.made, asked.jury))


def test_the_front_is_complete(ascent: AscentOf) -> None:
    ladder = climb(ascent(spread=1e4)).ladder
    points = {"float": (0.0, 1.0)}
    for one in ladder.attempts:
        if one.check is not None and one.check.value is not None and one.time_ratio is not None:
            points[one.name] = (one.check.value, one.time_ratio)
    assert len(points) > 5
    for name, (loss, time) in points.items():
        beaten = any(a <= loss and b <= time and (a, b) != (loss, time) for a, b in points.values())
        assert (name in ladder.front) != beaten
    assert ladder.chosen in ladder.front


def test_nothing_below_the_gate_passes_and_the_most_accurate_is_what_remains(ascent: AscentOf) -> None:
    asked = ascent(spread=1e4, gates=Gates(accuracy_drop_max=0.0, margin=0.0))
    climbed = climb(asked)
    assert not climbed.ladder.passed
    assert all(one.reason for one in climbed.ladder.attempts)
    losses = [one.check.value for one in climbed.ladder.attempts if one.check is not None]
    (chosen,) = [one for one in climbed.ladder.attempts if one.name == climbed.ladder.chosen]
    assert chosen.check is not None
    assert chosen.check.value == min(loss for loss in losses if loss is not None)
    assert not all(check.passed for check in verdict(climbed.made, asked.made, asked.jury))


def test_a_budget_of_zero_gives_the_first_rung_only(ascent: AscentOf) -> None:
    ladder = climb(ascent(spread=1e4, budget_s=0)).ladder
    assert [one.name for one in ladder.attempts] == ["head as it was"]
    assert "budget_s" in ladder.ended
    assert not ladder.passed


def test_a_budget_ends_with_the_best_so_far_and_a_second_run_ends_with_the_same(ascent: AscentOf) -> None:
    first = climb(ascent(spread=1e4, budget_s=16))
    assert "budget_s" in first.ladder.ended
    assert len(first.ladder.attempts) > 2
    second = climb(ascent(spread=1e4, budget_s=16))
    assert second.ladder == first.ladder
    assert sha256_of(second.made.model) == sha256_of(first.made.model)


@pytest.mark.parametrize("budget_s", [40, 600])
def test_a_climb_that_was_stopped_goes_on_and_ends_with_the_same(
    ascent: AscentOf, machine_of: MachineOf, budget_s: float
) -> None:
    whole = machine_of()
    undisturbed = climb(ascent(spread=1e4, machine=whole, cache="undisturbed", budget_s=budget_s))
    with pytest.raises(KeyboardInterrupt):
        climb(ascent(spread=1e4, machine=machine_of(fails_at=3), budget_s=budget_s))
    machine = machine_of()
    resumed = climb(ascent(spread=1e4, machine=machine, budget_s=budget_s))
    assert resumed.ladder == undisturbed.ladder
    assert sha256_of(resumed.made.model) == sha256_of(undisturbed.made.model)
    assert len(machine.timed) == len(whole.timed) - 3
    # graphs that differ in weights alone are timed once
    assert len(whole.timed) < len([one for one in resumed.ladder.attempts if one.trained is None])


def test_a_fresh_climb_judges_and_times_every_graph_again_and_once(ascent: AscentOf, machine_of: MachineOf) -> None:
    how = {"search": "all", "budget_s": 40.0, "treatments": ()}
    first, again, anew = machine_of(), machine_of(), machine_of()
    ladder = climb(ascent(machine=first, **how)).ladder
    climb(ascent(machine=again, **how))
    fresh = renewed(ascent(machine=anew, **how))
    assert climb(fresh).ladder == ladder
    assert len(first.timed) == len(anew.timed) > 1
    assert not again.timed
    # the same run asks again for what is chosen, and finds it
    climb(fresh)
    assert len(anew.timed) == len(first.timed)


def test_ranges_that_are_noisier_than_what_failed_are_not_judged(ascent: AscentOf) -> None:
    asked = ascent(spread=1e4, budget_s=600, estimator="minmax")
    tried = [one.name for one in climb(asked).ladder.attempts]

    purse, estimator = Purse(600), asked.calibrated.record.estimator
    rungs = {rung.name: rung for rung in other_rungs(asked.rendering, estimator, asked.treatments, asked.due)}
    noises = {name: noise_of(asked, rung, purse) for name, rung in rungs.items()}
    best = noise_of(asked, first_rungs(asked.refit is not None, asked.treatments, asked.due)[0], purse)
    assert any(noise < best for noise in noises.values())
    assert any(noise >= best for noise in noises.values())
    wanted = sorted((name for name in rungs if noises[name] < best), key=noises.__getitem__)
    assert [name for name in tried if name in rungs] == wanted


def test_a_whole_search_tries_everything_and_takes_the_fastest(ascent: AscentOf) -> None:
    ladder = climb(ascent(search="all")).ladder
    names = [one.name for one in ladder.attempts]
    assert {"head as it was", "1 layer in float, head as it was"} <= set(names)
    assert ladder.chosen == "head as it was"
    assert ladder.ended == "everything was tried"
    assert all(one.time_ratio is not None for one in ladder.attempts)


def test_where_this_machine_cannot_tell_the_share_in_int8_stands_for_speed(
    ascent: AscentOf, machine_of: MachineOf
) -> None:
    machine = machine_of()
    ladder = climb(ascent(search="all", rendering="arm", machine=machine)).ladder
    assert ladder.speed == "int8 share"
    assert not machine.timed
    assert all("not for this machine's CPU" in one.untimed_because for one in ladder.attempts)
    mixed = [one for one in ladder.attempts if one.in_float]
    assert ladder.attempts[0].int8_share > mixed[-1].int8_share > 0


def test_a_float_graph_that_misses_a_gate_ends_the_climb(ascent: AscentOf) -> None:
    ladder = climb(ascent(spread=1e4, mislabelled=9, gates=Gates(accuracy_min=1.0))).ladder
    assert len(ladder.attempts) == 1
    assert ladder.ended == "the float graph itself misses a gate"


def test_a_file_that_is_too_large_ends_the_climb(ascent: AscentOf) -> None:
    ladder = climb(ascent(gates=Gates(size_mb_max=1e-6))).ladder
    assert len(ladder.attempts) == 1
    assert "too large" in ladder.ended


def test_without_labels_changed_decisions_are_judged(ascent: AscentOf) -> None:
    good, bad = climb(ascent(task="tensor")).ladder, climb(ascent(spread=1e4, task="tensor")).ladder
    assert good.passed
    assert good.attempts[0].check is not None
    assert good.attempts[0].check.name == "changed decisions"
    assert not bad.attempts[0].passed
    assert bad.passed


def test_unequal_channels_are_equalised_before_any_layer_stays_in_float(ascent: AscentOf) -> None:
    ladder = climb(ascent(spread=30, is_chained=True)).ladder
    (chosen,) = [one for one in ladder.attempts if one.name == ladder.chosen]
    assert ladder.passed
    assert chosen.name.startswith("channels equalised, ")
    assert chosen.in_float == ()
    gained = {one.name: one.gained for one in chosen.treatments}
    assert gained["equalise"] is not None
    assert gained["equalise"] > 0.03
    assert gained["bias-correction"] is None


def test_layers_stay_in_float_upon_the_treatment_that_helped(ascent: AscentOf) -> None:
    asked = ascent(spread=1e4, is_chained=True)
    climbed = climb(asked)
    (chosen,) = [one for one in climbed.ladder.attempts if one.name == climbed.ladder.chosen]
    assert chosen.in_float
    assert [one.name for one in chosen.treatments] == ["equalise", "bias-correction"]
    assert all(check.passed for check in verdict(climbed.made, asked.made, asked.jury))


def test_treatments_that_change_nothing_leave_no_attempt(ascent: AscentOf) -> None:
    names = [one.name for one in climb(ascent(search="all")).ladder.attempts]
    assert not any(name.startswith("normalisation folded") for name in names)


def test_a_budget_ends_between_treatments_too(ascent: AscentOf) -> None:
    """A first graph, three more ranges, and a time for each: the clock is looked at twice for each of these."""
    ladder = climb(ascent(spread=1e4, is_chained=True, budget_s=9)).ladder
    assert "budget_s" in ladder.ended
    assert [one.in_float for one in ladder.attempts if one.in_float] == []
    whole = climb(ascent(spread=1e4, is_chained=True, cache="whole")).ladder
    assert len(ladder.attempts) < len(whole.attempts)


def test_16_bit_floats_have_nothing_to_treat(ascent: AscentOf) -> None:
    ladder = climb(ascent(rendering="fp16", search="all")).ladder
    assert [one.name for one in ladder.attempts] == ["head as it was"]
    assert ladder.attempts[0].treatments == ()


def test_the_last_resort_is_training_against_float_and_the_last_words_say_what_came_of_it(
    ascent: AscentOf, tmp_path: Path
) -> None:
    ladder = climb(ascent(spread=30.0, gates=Gates(accuracy_drop_max=0.0, margin=0.0))).ladder
    assert not ladder.passed
    assert ladder.ended.endswith(", and not even training against float is enough")
    trained = ladder.attempts[-1]
    assert trained.name.startswith("trained against float, ")
    assert trained.in_float == ()
    assert trained.check is not None
    assert trained.trained is not None
    assert trained.trained.gained is not None
    (kept,) = (tmp_path / "cache/tuned").glob("*.onnx")
    written_ns = kept.stat().st_mtime_ns
    again = climb(ascent(spread=30.0, gates=Gates(accuracy_drop_max=0.0, margin=0.0))).ladder
    assert again.attempts[-1] == trained
    assert kept.stat().st_mtime_ns == written_ns, "it was trained again"


def test_with_a_larger_budget_it_is_trained_again(ascent: AscentOf, tmp_path: Path) -> None:
    """What was trained in less time may be worth less."""

    def trained(budget_s: float) -> set[str]:
        climb(ascent(spread=30.0, gates=Gates(accuracy_drop_max=0.0, margin=0.0), budget_s=budget_s))
        return {path.name for path in (tmp_path / "cache/tuned").glob("*.onnx")}

    first = trained(2000)
    assert len(first) == 1
    assert trained(2000) == first
    assert len(trained(4000)) == 2


def test_layers_are_left_in_float_as_long_as_that_is_faster_than_float(
    ascent: AscentOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = Gates(accuracy_drop_max=0.0, margin=0.0)

    def climbed(worthwhile: float) -> Ladder:
        monkeypatch.setattr(importlib.import_module("edgetl.host.ladder.climb"), "WORTHWHILE", worthwhile)
        return climb(ascent(spread=1e4, gates=strict, treatments=(), budget_s=2000)).ladder

    whole, ended = climbed(0.0), climbed(0.9)
    counts = [sum("conv" in name for name in one.in_float) for one in whole.attempts if one.in_float]
    assert counts == [1, 2, 3]
    first, *others = (one for one in ended.attempts if one.in_float)
    assert not others
    assert 0 < first.int8_share < 0.9
    assert "in int8 it fails, and with fewer it is hardly faster than float" in ended.ended
    assert "even with all layers but one in float it fails" in whole.ended
    assert ended.attempts[-1].trained is not None


def test_where_a_graph_all_in_int8_passed_nothing_is_trained_unless_all_is_wanted(ascent: AscentOf) -> None:
    """One with layers in float is slower, so that is no reason to end."""

    def trained(ladder: Ladder) -> list[str]:
        return [one.name for one in ladder.attempts if one.name.startswith("trained")]

    mixed = climb(ascent(spread=1e4)).ladder
    assert any(one.passed and one.in_float for one in mixed.attempts)
    assert not any(one.passed and not one.in_float for one in mixed.attempts)
    assert trained(mixed) != []
    assert trained(climb(ascent(spread=30, is_chained=True)).ladder) == []
    assert trained(climb(ascent(spread=30.0, search="all")).ladder) != []


def test_a_whole_search_knows_what_bias_correction_gains(ascent: AscentOf) -> None:
    def gained(ladder: Ladder) -> float | None:
        return {one.name: one.gained for one in ladder.attempts[0].treatments}["bias-correction"]

    assert gained(climb(ascent(search="all")).ladder) is not None
    assert gained(climb(ascent()).ladder) is None


def test_treatments_that_are_switched_off_are_in_no_graph(ascent: AscentOf) -> None:
    ladder = climb(ascent(spread=30, is_chained=True, treatments=("bias-correction",))).ladder
    assert {one.name for attempt in ladder.attempts for one in attempt.treatments} == {"bias-correction"}
    assert ladder.switched_off == ("fold-normalisation", "equalise", "smooth", "adaptive-rounding")
    assert climb(ascent(treatments=())).ladder.attempts[0].treatments == ()
