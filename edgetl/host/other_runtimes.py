"""What a packed variant is worth in the runtimes that its numbers do not come from."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.check import failures
from edgetl.device.fitness import unfit_because, wasted_because
from edgetl.device.probe import environment
from edgetl.errors import BackendError, Unsupported
from edgetl.evaluation import OtherRuntime
from edgetl.host.graph import artifact_from, read_graph
from edgetl.host.inference import installed
from edgetl.host.judge import SIZE, Judged, Jury, predict, select, verdict
from edgetl.host.quantize.saturation.bounds import with_proof
from edgetl.host.refit import FeatureGraph, honest_logits
from edgetl.host.variants import Made
from edgetl.host.workspace import Workspace
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend
from edgetl.tensors import Batch


def with_other_runtimes(judged: Judged, reference: Made, jury: Jury) -> Judged:
    """A variant that passed, with what the same gates say of it in every other runtime of this machine.

    A runtime that refuses the graph, or gives it other outputs, has nothing to say. In fp32 there is nothing to ask:
    runtimes agree up to the last digits.

    Args:
        judged: the variant.
        reference: the float variant.
        jury: with its thresholds.
    """
    if judged.made.precision == "fp32":
        return judged
    tried = (_judged_in(name, judged.made, reference, jury) for name in _others(judged.made))
    found = tuple(one for one in tried if one is not None)
    for one in found:
        if failures(one.checks):
            jury.workspace.progress.warn(
                f"variant {judged.made.name} is not for {one.runtime}: {failures(one.checks)}; devices run it in others"
            )
    return replace(judged, evaluation=msgspec.structs.replace(judged.evaluation, other_runtimes=found))


def _others(made: Made) -> tuple[str, ...]:
    """Runtimes with kernels for the graph; none where this CPU computes it wrongly, which says nothing of others."""
    cpu = environment().cpu
    artifact = artifact_from(made.model, made.model.name, made.rendering, made.precision)
    if unfit_because(with_proof(artifact, read_graph(made.model)), cpu):
        return ()
    backends: dict[str, Backend] = {name: find(BACKENDS, name, "runtime") for name in installed()}
    able = (name for name, backend in backends.items() if backend.precisions(made.rendering, cpu.isa))
    wasted = {name for name in backends if wasted_because(made.rendering, name, cpu, ())}
    if made.runtime not in wasted:
        # no device tries the graph in these
        able = (name for name in able if name not in wasted)
    return tuple(name for name in able if name != made.runtime)


def _judged_in(runtime: str, made: Made, reference: Made, jury: Jury) -> OtherRuntime | None:
    other = replace(made, runtime=runtime, checks=())
    try:
        if not _are_alike(made, other, jury):
            return None
        other = replace(other, out_of_fold=_out_of_fold(made, runtime, jury.workspace))
        checks = verdict(other, reference, jury)
    except (BackendError, Unsupported) as error:
        jury.workspace.progress.note(f"{runtime} does not run variant {made.name}: {error}")
        return None
    named = (msgspec.structs.replace(one, name=f"{one.name} ({runtime})") for one in checks if one.name != SIZE)
    if not jury.task.labelled:
        return OtherRuntime(runtime, None, "none", tuple(named))
    own, workspace = select(other, jury), jury.workspace
    score = None
    if own.is_finite:
        score = jury.task.metrics(own.outputs, own.truth, workspace.classes, workspace.seed).headline
    return OtherRuntime(runtime, score, own.split, tuple(named))


def _out_of_fold(made: Made, runtime: str, workspace: Workspace) -> NDArray[np.float32] | None:
    """Honest logits of training samples in another runtime; none where the variant has none in its own."""
    if made.out_of_fold is None:
        return None
    return honest_logits(FeatureGraph(made.engine, made.rendering), made.fitted, workspace, runtime)


def _are_alike(made: Made, other: Made, jury: Jury) -> bool:
    samples = jury.workspace.splits.validation
    title = f"evaluate {made.name} in {other.runtime}"
    return _kinds(predict(made, samples, jury)) == _kinds(predict(other, samples, jury, title))


def _kinds(outputs: Batch) -> dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]]:
    return {name: (array.dtype, array.shape) for name, array in outputs.items()}
