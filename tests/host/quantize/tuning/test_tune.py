"""Tuning loses less against float, in time, and never makes a graph worse."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from gain import Subject as Judged
from gain import features, signal_to_noise_db
from onnx import numpy_helper

from edgetl.errors import DataError, Unsupported
from edgetl.host.graph import read_graph, weights_of, write_graph
from edgetl.host.quantize.lint import lint
from edgetl.host.quantize.rules.view import View
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.distillation import loss, matches
from edgetl.host.quantize.tuning.masters import masters_of
from edgetl.host.quantize.tuning.program import Program
from edgetl.host.quantize.tuning.tune import tune
from edgetl.host.training.checkpoint import Checkpoint
from edgetl.progress import Silent, Step
from edgetl.tensors import Array

STOPPED = TuneSettings(budget_s=1.0, steps=30, clock=lambda: 0.0)
"""Enough time, however slow the machine is."""


def integers(model: onnx.ModelProto) -> dict[str, Array]:
    """Of quantized layers, by the name of their node."""
    view = View.of(model)
    found = {}
    for node in view.quantized_layers():
        dequantizer = view.dequantizer(node.input[1])
        values = None if dequantizer is None else view.integers(dequantizer)
        if values is not None:
            found[node.name] = values
    return found


@pytest.mark.parametrize("rendering", ["x86-vnni", "x86", "tensorrt"])
def test_less_is_lost_on_images_that_were_never_seen(rendering, rendered, pupils, strangers, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject, out = rendered(rendering), tmp_path / "tuned.onnx"

    tuned = tune(subject.original, subject.quantized, pupils, out, STOPPED)

    judged = Judged(subject.original, (), strangers)
    wanted = features(subject.original, judged)
    before, after = (signal_to_noise_db(wanted, features(path, judged)) for path in (subject.quantized, out))
    assert before is not None
    assert after is not None
    assert after > before + 0.5
    assert tuned.steps == 30
    assert tuned.loss_after < 0.8 * tuned.loss_before
    assert (tuned.trained_on, tuned.held_out) == (28, 4)


@pytest.mark.parametrize(("rendering", "largest"), [("x86-vnni", 127), ("x86", 64), ("tensorrt", 127)])
def test_the_graph_stays_the_same_but_for_its_numbers(rendering, largest, rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject, out = rendered(rendering), tmp_path / "tuned.onnx"

    tuned = tune(subject.original, subject.quantized, pupils, out, replace(STOPPED, steps=15))

    before, after = read_graph(subject.quantized), read_graph(out)
    assert list(before.graph.node) == list(after.graph.node)
    assert list(before.graph.output) == list(after.graph.output)
    changed = [
        one.name for one, other in zip(before.graph.initializer, after.graph.initializer, strict=True) if one != other
    ]
    assert tuple(changed) == tuned.changed
    assert changed
    assert all(numpy_helper.to_array(weights_of(after)[name]).ndim > 0 for name in changed)
    assert all(np.abs(values.astype(int)).max() <= largest for values in integers(after).values())
    lint(after, read_graph(subject.original), frozenset({"head"}))


def test_equal_arguments_give_equal_bytes(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject = rendered("x86-vnni")
    contents = []
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        tune(subject.original, subject.quantized, pupils, tmp_path / name, replace(STOPPED, steps=4, seed=seed))
        contents.append((tmp_path / name).read_bytes())

    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


class Stopped(Exception):
    """Stands for a signal that no process can catch."""


class Machine(Silent):
    """Every update takes so many seconds, and the first one another number; all else takes none."""

    def __init__(self, first_s: float, step_s: float, stops_at: int = 0) -> None:
        self.now, self._takes, self._left = 0.0, itertools.chain([first_s], itertools.repeat(step_s)), stops_at

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        """Time passes while it tunes; more than one update at once was made by an earlier run."""
        yield SimpleNamespace(advance=lambda count=1: self._pass() if title == "tune" and count == 1 else None)

    def _pass(self) -> None:
        self.now += next(self._takes)
        self._left -= 1
        if self._left == 0:
            raise Stopped

    def settings(self, budget_s: float) -> TuneSettings:
        """Of a training here."""
        return replace(STOPPED, budget_s=budget_s, steps=12, clock=lambda: self.now, progress=self)


def test_with_enough_time_a_slower_machine_gives_equal_bytes(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject = rendered("x86-vnni")
    contents = []
    for name, machine in (("quick", Machine(1.0, 1.0)), ("slow", Machine(300.0, 10.0))):
        tuned = tune(subject.original, subject.quantized, pupils, tmp_path / name, machine.settings(1000.0))
        assert tuned.steps == 12
        contents.append((tmp_path / name).read_bytes())

    assert contents[0] == contents[1]


@pytest.mark.parametrize("budget_s", [1000.0, 8.0], ids=["enough time", "too little time"])
def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(
    budget_s: float, rendered, pupils, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    subject, checkpoint = rendered("x86-vnni"), Checkpoint(tmp_path / "kept.pt", every_s=0.0)
    whole = tune(subject.original, subject.quantized, pupils, tmp_path / "whole", Machine(1.0, 1.0).settings(budget_s))

    for stops_at in (3, 2):
        settings = replace(Machine(1.0, 1.0, stops_at).settings(budget_s), checkpoint=checkpoint)
        with pytest.raises(Stopped):
            tune(subject.original, subject.quantized, pupils, tmp_path / "again", settings)
    machine = Machine(1.0, 1.0)
    settings = replace(machine.settings(budget_s), checkpoint=checkpoint)
    again = tune(subject.original, subject.quantized, pupils, tmp_path / "again", settings)

    assert again.steps == whole.steps == (12 if budget_s > 12 else 7)
    assert machine.now == whole.steps - 3
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_was_kept_of_a_training_on_fewer_samples_is_not_gone_on_with(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """How many are taken depends on the time that the float graph needs for them."""
    subject, few = rendered("x86-vnni"), replace(STOPPED, steps=4)
    settings = replace(few, checkpoint=Checkpoint(tmp_path / "kept.pt", every_s=0.0))
    tune(subject.original, subject.quantized, pupils[:24], tmp_path / "fewer", settings)

    tune(subject.original, subject.quantized, pupils, tmp_path / "all", settings)

    tune(subject.original, subject.quantized, pupils, tmp_path / "alone", few)
    assert (tmp_path / "all").read_bytes() == (tmp_path / "alone").read_bytes()


def test_a_training_that_gains_nothing_leaves_the_graph_as_it_was(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject, same = rendered("x86"), tmp_path / "same.onnx"
    write_graph(read_graph(subject.quantized), same)

    tuned = tune(subject.original, subject.quantized, pupils, tmp_path / "out", replace(STOPPED, learning_rate=200.0))

    assert tuned.changed == ()
    assert tuned.loss_after == tuned.loss_before
    assert (tmp_path / "out").read_bytes() == same.read_bytes()


def ticking(step: float) -> Callable[[], float]:
    times = itertools.count()
    return lambda: next(times) * step


@pytest.mark.parametrize("budget_s", [0.0, 60.0, 200.0])
def test_it_stops_in_time(budget_s: float, rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Each look at the clock takes a second, of which the 16 images that are always taught take 17."""
    subject = rendered("x86-vnni")
    settings = replace(STOPPED, budget_s=budget_s, steps=1000, batch=2, clock=ticking(1.0))

    tuned = tune(subject.original, subject.quantized, pupils, tmp_path / "out", settings)

    assert tuned.seconds <= max(budget_s, 30)
    assert (tuned.steps == 0) == (budget_s == 0)
    assert tuned.loss_after <= tuned.loss_before
    assert tuned.trained_on + tuned.held_out < 32 or budget_s == 200
    assert integers(read_graph(tmp_path / "out"))


def test_at_the_start_the_student_is_the_graph(rendered, strangers) -> None:  # type: ignore[no-untyped-def]
    """Also where a treatment rounded a weight to another integer than the nearest."""
    subject = rendered("x86-vnni")
    original, quantized = (read_graph(path) for path in (subject.original, subject.quantized))
    view = View.of(quantized)
    weight = view.dequantizer(next(view.quantized_layers()).input[1])
    assert weight is not None
    constant = weights_of(quantized)[weight.input[0]]
    moved = numpy_helper.to_array(constant).copy()
    moved[0, 0, 0, 0] = moved[0, 0, 0, 0] - 3
    constant.CopyFrom(numpy_helper.from_array(moved, constant.name))
    masters = masters_of(quantized, original)
    wanted = ["logits"]
    x = {"image": torch.from_numpy(np.stack(strangers))}

    got = Program(quantized, wanted, masters.names)(x, masters.given())

    torch.testing.assert_close(got["logits"], Program(quantized, wanted)(x)["logits"])
    assert any(bool((one.steps != one.steps.round()).any()) for one in masters.weights)
    first = masters.weights[0].steps.detach().numpy()
    assert abs(float(first[0, 0, 0, 0]) - float(moved[0, 0, 0, 0])) == 0.25
    np.testing.assert_array_equal(np.rint(first), moved)


def test_features_and_logits_are_compared_where_there_is_a_head(rendered) -> None:  # type: ignore[no-untyped-def]
    subject = rendered("tensorrt")
    original = read_graph(subject.original)

    with_head = matches(original, read_graph(subject.quantized))
    head = next(node for node in original.graph.node if node.name == "head")
    original.graph.node.remove(head)
    del original.graph.output[:]
    original.graph.output.append(onnx.helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", 32]))
    without = matches(original, original)

    assert [(pair.wanted, pair.are_logits) for pair in with_head] == [("features", False), ("logits", True)]
    assert [(pair.wanted, pair.got, pair.are_logits) for pair in without] == [("features", "features", False)]


def test_the_loss_is_noise_over_signal_and_divergence(rendered) -> None:  # type: ignore[no-untyped-def]
    subject = rendered("x86")
    pairs = matches(read_graph(subject.original), read_graph(subject.quantized))
    teacher = {"features": torch.tensor([[3.0, 4.0]]), "logits": torch.tensor([[4.0, 0.0]])}
    student = {pairs[0].got: torch.tensor([[3.0, 3.0]]), pairs[1].got: torch.tensor([[0.0, 0.0]])}

    p = 1 / (1 + np.exp(-1.0))
    divergence = 16 * (p * np.log(p / 0.5) + (1 - p) * np.log((1 - p) / 0.5))
    assert float(loss(student, teacher, pairs)) == pytest.approx(1 / 25 + divergence, rel=1e-5)


def test_an_operator_that_cannot_be_tuned_is_named(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject = rendered("x86")
    graph = read_graph(subject.quantized)
    node = next(node for node in graph.graph.node if node.op_type == "ReduceMean")
    node.op_type, node.name = "ReduceLogSum", "odd"
    onnx.save(graph, tmp_path / "odd.onnx")

    with pytest.raises(Unsupported, match=r"operator ReduceLogSum \(node 'odd'\) cannot be tuned"):
        tune(subject.original, tmp_path / "odd.onnx", pupils, tmp_path / "out", STOPPED)


def test_a_float_graph_has_nothing_to_tune(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    original = rendered("x86").original

    with pytest.raises(Unsupported, match="nothing to tune"):
        tune(original, original, pupils, tmp_path / "out", STOPPED)


def test_too_few_samples_are_refused(rendered, pupils, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    subject = rendered("x86")

    with pytest.raises(DataError, match="tuning got 15 samples; expected at least 16"):
        tune(subject.original, subject.quantized, iter(pupils[:15]), tmp_path / "out", STOPPED)
