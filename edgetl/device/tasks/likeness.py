"""Whether a variant still answers as the float model does, where there are no labels to ask."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.check import Check
from edgetl.device.tasks import DeviceTask, Pair
from edgetl.device.tasks.output_error import goes_by_steps, kinds, output_error
from edgetl.device.tasks.statistics import drop_check
from edgetl.gates import Gates
from edgetl.tensors import Batch

CHANGED = "changed decisions"
"""Name of the check for models that decide."""
ERROR = "output error"
"""Name of the check for all others."""
ON_DEVICE = "on this device"
"""What the names of both end with where a device judges."""
_SCORES_DIMENSIONS = 2


def likeness(pair: Pair, task: DeviceTask, gates: Gates) -> Check:
    """Judge a candidate by how far its outputs are off where the gates limit that, else by decisions that change.

    Args:
        pair: outputs of both for the same samples; the truth is not looked at.
        task: what decisions are.
        gates: the limits.
    """
    name = CHANGED if gates.output_error_max is None else ERROR
    for whose, outputs in (("of the float model ", pair.reference), ("", pair.candidate)):
        if not is_finite(outputs):
            return Check(name, None, None, "fraction", False, f"some outputs {whose}are NaN or infinite")
    return _changed(pair, task, gates) if gates.output_error_max is None else _error(pair, gates.output_error_max)


def likeness_on_device(pair: Pair, task: DeviceTask, gates: Gates) -> Check:
    """Judge on a device what :func:`likeness` judged on the host.

    Args:
        pair: outputs here, and those the host recorded: of the float model where errors are limited, else of the same
            graph, one decision of which may always change (see :func:`drop_check`).
        task: what decisions are.
        gates: the limits.
    """
    if gates.output_error_max is not None:
        check = likeness(pair, task, gates)
    else:
        check = _kept(task.decisions(pair.reference) == task.decisions(pair.candidate), gates, least=1)
    return msgspec.structs.replace(check, name=f"{check.name} {ON_DEVICE}")


def undecided_because(outputs: Batch, task: DeviceTask, gates: Gates) -> str | None:
    """Why nothing can be said of decisions of a model with these outputs; ``None`` where it can.

    A graph that always gives the commonest answer has learnt nothing. Where it would pass, other classes are so rare
    among the samples that the gate could not tell.

    Args:
        outputs: of the float model for samples, ``(n, ...)`` each.
        task: what decisions are.
        gates: the limits.
    """
    if not is_finite(outputs):
        return "some outputs of the float model are NaN or infinite, so nothing can be told of these samples"
    shapes = ", ".join(f"{name} {array.shape[1:]}" for name, array in outputs.items())
    decided = task.decisions(outputs)
    if len(outputs) > 1 or next(iter(outputs.values())).ndim != _SCORES_DIMENSIONS or not decided.size:
        return f"the outputs of one sample are of shape {shapes}; expected one output with one score per class"
    if len(np.unique(decided)) == 1:
        return (
            f"the largest entry of the output is the same one for all {len(decided)} samples, so it is no class score, "
            "or all samples are of one class"
        )
    commonest = np.bincount(decided).argmax()
    if _kept(decided == commonest, gates).passed:
        others = np.count_nonzero(decided != commonest)
        return (
            f"a graph that always answers class {commonest} would change {others} of {len(decided)} decisions and "
            "pass, so these samples say too little of the other classes; give samples of all classes, about as many of "
            "each, or labels (--task classify)"
        )
    return None


def is_finite(outputs: Batch) -> bool:
    """Whether no output has NaN or infinity."""
    return all(np.isfinite(array).all() for array in outputs.values())


def _changed(pair: Pair, task: DeviceTask, gates: Gates) -> Check:
    """Every changed decision counts as one for the worse, which is the most accuracy that it can cost."""
    because = undecided_because(pair.reference, task, gates)
    if because is not None:
        return Check(CHANGED, None, None, "fraction", False, because)
    check = _kept(task.decisions(pair.reference) == task.decisions(pair.candidate), gates)
    return msgspec.structs.replace(check, reason=f"without labels each change counts as a loss: {check.reason}")


def _kept(same: NDArray[np.bool_], gates: Gates, least: int = 0) -> Check:
    """Judge which decisions stayed, ``(n,)``."""
    limit = gates.accuracy_drop_max if gates.changed_max is None else gates.changed_max
    limits = msgspec.structs.replace(gates, accuracy_drop_max=limit)
    return drop_check(CHANGED, np.ones_like(same), same, limits, least)


def _error(pair: Pair, limit: float) -> Check:
    """The output that is off most, by the upper bound of its error."""
    n = len(next(iter(pair.reference.values())))
    errors = {name: output_error(array, pair.candidate[name]) for name, array in pair.reference.items()}
    name = max(errors, key=lambda one: errors[one][1])
    error, bound = errors[name]
    if math.isinf(error):
        reason = (
            f"output {name!r} is the same in all of {n} samples and another one here, so nothing says how far off that "
            "is; give samples that differ, at least 30"
        )
        return Check(ERROR, None, limit, "fraction", False, reason, n)
    reason = (
        f"output {name!r} is off by {error:.4f} of how much it varies over the samples (cosine "
        f"{_cosine(pair, name):.4f}), 95 % bound {bound:.4f} of {n} samples; limit {limit:g}"
    )
    if len(kinds(pair.reference[name])) > 1:
        reason += "; its rows are of two scales, which are judged apart: outputs of their own would say which is off"
    if error <= limit < bound:
        reason += f"; too few samples to tell: {_needed(error, bound, limit, n, goes_by_steps(pair.reference[name]))}"
    return Check(ERROR, error, limit, "fraction", bound <= limit, reason, n)


def _needed(error: float, bound: float, limit: float, n: int, by_steps: bool) -> str:
    if error >= limit:
        return "no number of samples would be enough at this error"
    growth = (bound**2 - error**2) / (limit**2 - error**2)
    # the delta method's bound falls with the root of n; where nothing differed, the rule of three's with n
    needed = n * growth if by_steps and not error else n * growth**2
    return f"about {math.ceil(needed)} would be needed if they turned out alike"


def _cosine(pair: Pair, name: str) -> float:
    """Mean over the samples; those without direction count as equal."""
    values, others = (
        one[name].reshape(len(one[name]), -1).astype(np.float64) for one in (pair.reference, pair.candidate)
    )
    sizes = np.linalg.norm(values, axis=1) * np.linalg.norm(others, axis=1)
    cosines = np.divide((values * others).sum(axis=1), sizes, out=np.ones_like(sizes), where=sizes > 0)
    return float(cosines.mean())
