"""Whether this device computes what the host computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgetl.check import Check
from edgetl.errors import DataError, Unsupported
from edgetl.golden import Golden
from edgetl.preprocess import Preprocess
from edgetl.runner import Runner
from edgetl.tensors import Array, Batch

DRIFT_MAX = 2.0
"""Grey levels by which any pixel of a decoded image may differ from the host's."""
DRIFT_MEAN_MAX = 0.5
"""The same, on average over an image."""


@dataclass(frozen=True)
class Tolerance:
    """How far an output may be from its reference: ``atol + spread * s + rtol * |reference|``.

    ``atol`` is in the output's own unit, ``rtol`` a fraction (0.01 is 1 %). ``spread`` is a fraction of ``s``, the
    standard deviation of the reference over the samples, so that it fits outputs of any scale. ``rms`` limits the
    root mean square of all differences, to ``atol + rms * s + rtol * (that of the reference)``: reduced precision may
    err much on one element, a broken graph errs on all.
    """

    atol: float = 0.0
    rtol: float = 0.0
    spread: float = 0.0
    rms: float = math.inf


TOLERANCES: Mapping[str, Tolerance] = {
    "fp32": Tolerance(spread=2e-3, rtol=1e-3),
    "fp16": Tolerance(spread=5e-2, rtol=1e-2, rms=3e-2),
    "bf16": Tolerance(spread=0.6, rtol=5e-2, rms=0.15),
    "int8": Tolerance(spread=1.0, rtol=5e-2, rms=0.25),
}
"""By the precision a runtime computes in.

Measured with EfficientNet-Lite0 and a linear head, 160 images, OpenVINO against ONNX Runtime, as (rms, largest) of the
spread: fp32 (1e-6, 3e-6), bf16 (0.05, 0.19), int8 (0.06, 0.25); images shifted by 2 pixels (0.12, 0.39), outputs of
other images (1.4, 4.3). The wide tolerances tell a broken graph from a sound one whose outputs differ by a few
quantisation steps; whether such steps cost accuracy is judged by :func:`edgetl.device.tasks.statistics.drop_check`.
"""


@dataclass(frozen=True)
class Verified:
    """Parity of one runner, and the outputs it was judged by."""

    checks: tuple[Check, ...]
    outputs: dict[str, Array]
    """Of the golden inputs, every array with the sample first."""


def verify(runner: Runner, inputs: Batch, reference: Batch, tolerance: Tolerance) -> Verified:
    """Run the golden inputs and compare with what the host recorded for the same graph.

    Raises:
        Unsupported: the runner's inputs or outputs are of another kind.
        BackendError: the runtime failed while running.
    """
    outputs = run_batches(runner, inputs)
    return Verified(parity(outputs, reference, tolerance), outputs)


def run_batches(runner: Runner, inputs: Batch) -> dict[str, Array]:
    """Outputs of all samples, run in the batch the runner was loaded with (1 where it may vary).

    Args:
        runner: its inputs and outputs have the sample as first dimension.
        inputs: arrays of shape ``(n, ...)``.

    Raises:
        Unsupported: the model takes other inputs, or the shape of an output is not the same for every sample.
        BackendError: the runtime failed while running.
    """
    specs = {spec.name: spec for spec in runner.inputs}
    if set(specs) != set(inputs) or not all(spec.shape for spec in specs.values()):
        raise Unsupported(
            f"model inputs are {'; '.join(map(str, specs.values())) or 'none'}; expected {', '.join(sorted(inputs))}, "
            "each with the sample as first dimension"
        )
    size = runner.inputs[0].shape[0] or 1
    n = len(next(iter(inputs.values())))
    parts = [runner.infer(_rows(inputs, start, size, n)) for start in range(0, n, size)]
    return {spec.name: _joined(spec.name, [part[spec.name] for part in parts])[:n] for spec in runner.outputs}


def parity(outputs: Batch, reference: Batch, tolerance: Tolerance) -> tuple[Check, ...]:
    """Compare each output with the host's, element by element.

    Args:
        outputs: arrays of shape ``(n, ...)``; names must equal those of ``reference``.
        reference: the host's.
        tolerance: what may differ.

    Returns:
        One check per output; its value is the largest difference as a multiple of the tolerance (of an element, or of
        the root mean square, whichever is more), so 1.0 is the limit. NaN and infinity fail, without a value.

    Raises:
        Unsupported: an output name, shape or dtype differs (that is a wrong export, not a small error).
    """
    if set(outputs) != set(reference):
        raise Unsupported(f"model outputs are {', '.join(sorted(outputs))}, expected {', '.join(sorted(reference))}")
    return tuple(_parity(name, outputs[name], reference[name], tolerance) for name in sorted(reference))


def decoder_drift(golden: Golden, preprocess: Preprocess) -> Check:
    """Decode and resize the encoded originals with this device's Pillow and compare with the host's pixels.

    Returns:
        A check whose value is the largest difference of a pixel in grey levels; the mean difference of an image has a
        limit of its own. Without originals there is no value, the check passes and says that nothing was judged.
    """
    name, unit, n = "decoder drift", "grey levels", len(golden.encoded)
    if not n:
        reason = "not judged: the bundle holds no encoded images ([golden] include_images = false)"
        return Check(name, None, DRIFT_MAX, unit, True, reason, 0)
    pixels = next(iter(golden.inputs.values()))
    largest = mean = 0.0
    for index, encoded in enumerate(golden.encoded):
        try:
            drift = np.abs(preprocess.apply(encoded).astype(np.int16) - pixels[index])
        except DataError as error:
            return Check(name, None, DRIFT_MAX, unit, False, f"image {index} cannot be decoded here: {error}", n)
        largest, mean = max(largest, float(drift.max())), max(mean, float(drift.mean()))
    reason = (
        f"largest difference {largest:.0f} of 255 (limit {DRIFT_MAX:g}), largest mean of an image {mean:.2f} (limit "
        f"{DRIFT_MEAN_MAX:g}) over {n} images"
    )
    return Check(name, largest, DRIFT_MAX, unit, largest <= DRIFT_MAX and mean <= DRIFT_MEAN_MAX, reason, n)


def spread(reference: Array) -> float:
    """Standard deviation of an output over its samples, pooled over its elements; of one sample, over its elements."""
    values = reference.astype(np.float64)
    if len(values) < 2:
        return float(values.std()) if values.size else 0.0
    return math.sqrt(float(values.var(axis=0).mean()))


def _parity(name: str, output: Array, reference: Array, tolerance: Tolerance) -> Check:
    title, n = f"parity of {name}", len(reference)
    if output.shape != reference.shape or output.dtype != reference.dtype:
        raise Unsupported(
            f"output {name!r} is {output.dtype} {output.shape}, expected {reference.dtype} {reference.shape}; "
            "this is another model than the host recorded"
        )
    bad = int(np.count_nonzero(~np.isfinite(output)) + np.count_nonzero(~np.isfinite(reference)))
    if bad:
        return Check(title, None, 1.0, "of tolerance", False, f"{bad} of {output.size} values are NaN or infinite", n)
    a, b = output.astype(np.float64), reference.astype(np.float64)
    difference = np.abs(a - b)
    scale = spread(reference)
    allowed = tolerance.atol + tolerance.spread * scale + tolerance.rtol * np.abs(b)
    value = _multiple(difference, allowed)
    rms = _root_mean_square(difference)
    if math.isfinite(tolerance.rms):
        allowed_rms = tolerance.atol + tolerance.rms * scale + tolerance.rtol * _root_mean_square(b)
        value = max(value, _multiple(np.array([rms]), np.array([allowed_rms])))
    reason = (
        f"largest difference {float(difference.max(initial=0.0)):.3g}, root mean square {rms:.3g}, spread of the "
        f"output {scale:.3g}: {value:.3g} x what is allowed"
    )
    return Check(title, value if math.isfinite(value) else None, 1.0, "of tolerance", value <= 1.0, reason, n)


def _multiple(difference: Array, allowed: Array) -> float:
    # without tolerance, equal is still equal
    ratio = np.divide(difference, allowed, out=np.where(difference > 0, np.inf, 0.0), where=allowed > 0)
    return float(ratio.max(initial=0.0))


def _root_mean_square(values: Array) -> float:
    return math.sqrt(float(np.square(values).mean())) if values.size else 0.0


def _joined(name: str, parts: list[Array]) -> Array:
    shapes = {part.shape[1:] if part.ndim else None for part in parts}
    if len(shapes) != 1 or None in shapes:
        raise Unsupported(f"output {name!r} must have the sample as first dimension and the same shape for every one")
    return np.concatenate(parts)


def _rows(inputs: Batch, start: int, size: int, n: int) -> dict[str, Array]:
    # the last batch is filled up with its last sample, whose extra outputs are cut off again
    chosen = np.minimum(np.arange(start, start + size), n - 1)
    return {name: array[chosen] for name, array in inputs.items()}
