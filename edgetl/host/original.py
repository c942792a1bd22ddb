"""Whether a user's own file runs, and whether the wrapped model still computes what it computes."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from edgetl.check import Check
from edgetl.device.probe import environment
from edgetl.device.tasks.probabilities import softmax
from edgetl.device.verify import Tolerance, parity
from edgetl.errors import BackendError, Unsupported
from edgetl.host.graph import LOGITS
from edgetl.host.quantize.saturation.here import saturates_here
from edgetl.host.user_onnx import Activation, Wrapping
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.tensors import Array, Batch, Feed, TensorSpec, feeds_of

SPREAD, RTOL = 2e-3, 1e-3
"""What float32 arithmetic in another order may change, as for the other comparisons of float graphs."""
NOISE = 1e-6
"""Of an output's largest value: differences of elements that are zero but for rounding."""


def check_runs(model: Path, threads: int) -> None:
    """Refuse what is an ONNX file in form only.

    Raises:
        Unsupported: ONNX Runtime does not load it.
    """
    try:
        _runner(model, threads).close()
    except BackendError as error:
        raise Unsupported(f"{error}; the file may be damaged or cut off: export the model again") from error


def original_outputs(
    model: Path, samples: tuple[Feed, ...], wrapping: Wrapping | None, threads: int
) -> dict[str, Array]:
    """What a user's own file computes for samples; images are normalised in numpy, not by a graph.

    Args:
        samples: at least one; images as ``uint8 (h, w, 3)``.
        wrapping: what stands between an image and the file; ``None`` where samples are what it takes.

    Returns:
        Arrays of shape ``(n, ...)`` by the file's own names.

    Raises:
        Unsupported: an output does not have the sample as first dimension, or its shape varies with the sample.
        BackendError: ONNX Runtime refuses the file.
    """
    runner = _runner(model, threads)
    try:
        rows = [runner.infer(_feeds(sample, wrapping, runner.inputs)) for sample in samples]
    finally:
        runner.close()
    for name in rows[0]:
        shapes = sorted({row[name].shape for row in rows})
        if len(shapes) > 1 or shapes[0][:1] != (1,):
            raise Unsupported(
                f"output {name!r} of {model.name!r} has shape {' or '.join(map(str, shapes))} for one sample; "
                "expected the sample as first dimension and the same shape for every one; give samples of one length, "
                "or leave that output out of the model"
            )
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def parity_with_original(outputs: Batch, original: Batch, removed: Activation | None) -> tuple[Check, ...]:
    """Compare the wrapped graph with the user's own file; a gate.

    A Softmax that was taken off is put back in numpy first, so that probabilities are compared with probabilities.

    Args:
        outputs: of the wrapped graph.
        original: of :func:`original_outputs` for the same images.

    Returns:
        One check per output.
    """
    if set(outputs) == {LOGITS}:
        ((name, expected),) = original.items()
        original = {name: expected.reshape(len(expected), -1)}
        outputs = {name: _activated(outputs[LOGITS], removed).astype(expected.dtype)}
    checks = []
    for name, expected in original.items():
        largest = float(np.max(np.abs(expected.astype(np.float64)), initial=0.0))
        tolerance = Tolerance(atol=NOISE * largest, rtol=RTOL, spread=SPREAD)
        (check,) = parity({name: outputs[name]}, {name: expected}, tolerance)
        title = f"parity of {name} with the original model"
        checks.append(Check(title, check.value, check.limit, check.unit, check.passed, check.reason, check.n))
    return tuple(checks)


def are_probabilities(outputs: Batch) -> bool:
    """Whether a classifier's only output has a probability for each of several classes."""
    (rows,) = (array.reshape(len(array), -1) for array in outputs.values())
    is_between = bool(((rows >= 0) & (rows <= 1)).all())
    return rows.shape[1] > 1 and is_between and bool(np.allclose(rows.sum(axis=1), 1.0, atol=1e-3))


def _feeds(sample: Feed, wrapping: Wrapping | None, inputs: tuple[TensorSpec, ...]) -> Batch:
    if wrapping is None:
        return feeds_of(sample, inputs)
    return {inputs[0].name: wrapping.feed(cast(Array, sample))}


def _runner(model: Path, threads: int) -> Runner:
    backend: Backend = find(BACKENDS, "onnxruntime", "runtime")
    exact = saturates_here(model, environment().cpu)
    options = LoadOptions(threads=threads, precision="fp32", batch=1, exact_sums=exact)
    return backend.load(backend.build(model, options, None), options)


def _activated(logits: Array, removed: Activation | None) -> Array:
    flat = logits.reshape(len(logits), -1)
    if removed is None:
        return flat
    probabilities: Array = softmax(flat)
    if removed == "Softmax":
        return probabilities
    # of very sure models some probabilities are 0, and their logarithms are not infinite
    shifted = flat - flat.max(axis=-1, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return logarithms
