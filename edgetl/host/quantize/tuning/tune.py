"""The rung as one function: a Q/DQ graph in, the same graph trained out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import onnx

from edgetl.host.graph import read_graph, write_graph
from edgetl.host.quantize.tuning import Tuned, TuneSettings
from edgetl.host.quantize.tuning.course import Course, train
from edgetl.host.quantize.tuning.distillation import matches
from edgetl.host.quantize.tuning.lessons import Lessons, lessons
from edgetl.host.quantize.tuning.masters import Masters, masters_of, write
from edgetl.host.quantize.tuning.student import Student
from edgetl.host.training.machine import arranged
from edgetl.tensors import Feed


def tune(float_graph: Path, quantized: Path, samples: Iterable[Feed], out: Path, settings: TuneSettings) -> Tuned:
    """Train the integers of a Q/DQ graph so that it computes what its float graph does.

    With equal arguments and enough time the written bytes are equal. Where nothing is gained the graph is written as it
    was.

    Args:
        float_graph: what the Q/DQ graph was rendered from (after treatments of the graph), which is the teacher.
        quantized: a Q/DQ graph whose nodes have the names of the float graph's.
        samples: of training or calibration, what the float graph takes for each; iterated over at most once, and 512 at
            most kept. Every eighth is not trained on.
        out: the file to write.

    Raises:
        DataError: fewer than 16 samples.
        Unsupported: the graph has an operator that cannot be tuned (the message names it), or nothing to tune.
        MissingExtra: onnxruntime is not installed.
    """
    began = settings.clock()
    original, graph = read_graph(float_graph), read_graph(quantized)
    pairs = matches(original, graph)
    masters = masters_of(graph, original)
    student = Student.of(graph, masters, pairs, settings.batch)
    with arranged(settings.threads, is_reproducible=True):
        learnt, held_out = lessons(original, samples, pairs, settings)
        course = train(student, learnt, held_out, settings, began + settings.budget_s)
        changed, after = _written(student, course, held_out, graph)
    write_graph(graph, out)
    seconds = settings.clock() - began
    return Tuned(course.steps, course.before, after, changed, len(learnt), len(held_out), course.step_s, seconds)


def _written(
    student: Student, course: Course, held_out: Lessons, graph: onnx.ModelProto
) -> tuple[tuple[str, ...], float]:
    """Put what was learnt into the graph, in place, unless the graph is no better for it."""
    if course.best >= course.before:
        return (), course.before
    before = onnx.ModelProto()
    before.CopyFrom(graph)
    changed = write(student.masters, graph)
    after = Student.of(graph, Masters((), ()), student.pairs, student.batch).examine(held_out)
    if after < course.before:
        return changed, after
    graph.CopyFrom(before)
    return (), course.before
