"""Round each weight so that errors cancel in the layer's output, not each to its nearest step."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edgetl.errors import Unsupported
from edgetl.host.quantize.rules.view import View, along, axis_of
from edgetl.host.quantize.treatments import Rendered
from edgetl.host.quantize.treatments.bias_correction import TREATMENT as BIAS_CORRECTION
from edgetl.host.quantize.treatments.bias_correction import correctable
from edgetl.host.quantize.treatments.moments import LayerMoments
from edgetl.host.quantize.treatments.products import matrix_of, weight_of
from edgetl.tensors import Array

_DAMPINGS = (0.01, 0.1, 1.0, 10.0)
"""Shares of the mean variance that are added to every one: the first as in GPTQ, the next one where the moments, which
are rounded themselves, are not positive definite for that."""


def rounded_second_order(
    weights: NDArray[np.float64], largest: int, moments: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Integers near ``weights`` with a small error of the products with rows of these second moments.

    The numbers of a row are rounded one after the other, those with the largest moments first, and what rounding one
    of them loses is made up for by the rest, as far as they are correlated. An output whose error is no smaller than
    with each weight rounded to the nearest keeps those, and so do all where the moments cannot be factorised.

    Args:
        weights: in steps of their scales, ``(groups, outputs, inputs)``.
        largest: integers are kept within ``[-largest, largest]``.
        moments: ``(groups, inputs, inputs)``.

    References:
        Frantar et al., "GPTQ", 2023 (arXiv:2210.17323), section 3, after "Optimal Brain Quantization" (Frantar and
        Alistarh 2022, arXiv:2208.11580). AdaRound (Nagel et al. 2020, arXiv:2004.10568) minimises the same error by
        gradient descent.
    """
    nearest = np.clip(np.rint(weights), -largest, largest)
    order = np.argsort(-np.einsum("gii->gi", moments), axis=1, kind="stable")
    sorted_moments = np.take_along_axis(np.take_along_axis(moments, order[:, :, None], 1), order[:, None, :], 2)
    ahead = _conditional(sorted_moments)
    if ahead is None:
        return nearest
    left = np.take_along_axis(weights, order[:, None, :], 2)
    steps = np.empty_like(left)
    for place in range(left.shape[2]):
        steps[:, :, place] = np.clip(np.rint(left[:, :, place]), -largest, largest)
        lost = (left[:, :, place] - steps[:, :, place]) / ahead[:, None, place, place]
        left[:, :, place + 1 :] -= lost[:, :, None] * ahead[:, None, place, place + 1 :]
    back = np.argsort(order, axis=1)
    found = np.take_along_axis(steps, back[:, None, :], 2)
    is_better = _error(weights - found, moments) < _error(weights - nearest, moments)
    chosen: NDArray[np.float64] = np.where(is_better[:, :, None], found, nearest)
    return chosen


def _conditional(moments: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Upper Cholesky factor of the damped inverse; its rows say how later numbers make up for an earlier one.

    ``None`` where no damping is enough.
    """
    size = moments.shape[1]
    mean = np.einsum("gii->g", moments) / size
    unit = np.where(mean > 0, mean, 1 / _DAMPINGS[0])[:, None, None] * np.eye(size)
    for damping in _DAMPINGS:
        with suppress(np.linalg.LinAlgError):
            factor: NDArray[np.float64] = np.linalg.cholesky(np.linalg.inv(moments + damping * unit))
            return factor.transpose(0, 2, 1)
    return None


def _error(lost: NDArray[np.float64], moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square of the error of every output, ``(groups, outputs)``."""
    error: NDArray[np.float64] = np.einsum("goi,goi->go", lost @ moments, lost)
    return error


@dataclass(frozen=True)
class AdaptiveRounding:
    """:func:`rounded_second_order` for every quantized layer whose moments are known, as an entry of the table."""

    name: str = "adaptive-rounding"
    done: str = "weights rounded together"
    needs_moments: bool = True

    def refine(self, rendered: Rendered) -> tuple[str, ...]:
        """Names of the layers with other integers than before.

        Raises:
            Unsupported: no moments, or those of another graph.
        """
        if rendered.moments is None:
            raise Unsupported(
                "treatment 'adaptive-rounding' needs the moments of the layers' inputs; collect them with "
                "collect_moments() and give them in RenderSettings"
            )
        if rendered.moments.graph_sha256 != rendered.record.graph_sha256:
            raise Unsupported("the moments are of another graph than the calibration record; collect those of this one")
        view, weights = View.of(rendered.quantized), View.of(rendered.original)
        originals = {node.name: node for node in rendered.original.graph.node}
        mended = _mended(rendered)
        changed = []
        for node in view.quantized_layers():
            seen, before = rendered.moments.layers.get(node.name), originals.get(node.name)
            weight = None if before is None else weights.array(before.input[1])
            if seen is None or weight is None:
                continue
            if _round(view, node, weight, _second(seen, node.name in mended)):
                changed.append(node.name)
        return tuple(changed)


def _mended(rendered: Rendered) -> frozenset[str]:
    """Layers whose biases are going to take up what rounding shifts on average."""
    if BIAS_CORRECTION.name not in rendered.treatments:
        return frozenset()
    found = correctable(rendered.quantized, rendered.original, rendered.record.tensors)
    return frozenset(layer.node.name for layer in found)


def _second(seen: LayerMoments, is_shift_mended: bool) -> NDArray[np.float64]:
    """What counts: all of the error, or only what varies, where the mean of it will be taken up by the bias."""
    second = seen.second.astype(np.float64)
    if not is_shift_mended:
        return second
    mean = seen.mean.astype(np.float64)
    varying: NDArray[np.float64] = second - mean[:, :, None] * mean[:, None, :]
    return varying


def _round(view: View, node: onnx.NodeProto, weight: Array, second: NDArray[np.float64]) -> bool:
    """Whether any integer of a layer changed."""
    dequantizer = view.dequantizer(node.input[1])
    integers = None if dequantizer is None else view.integers(dequantizer)
    scale = None if dequantizer is None else view.array(dequantizer.input[1])
    if dequantizer is None or integers is None or scale is None or integers.shape != weight.shape:
        return False
    steps = weight.astype(np.float64) / along(scale.astype(np.float64), axis_of(dequantizer), weight.ndim)
    matrix = matrix_of(node, steps)
    if matrix is None or second.shape != (matrix.shape[0], matrix.shape[2], matrix.shape[2]):
        return False
    # a scale is the largest weight's over the largest integer, so that one tells the rendering's bits
    largest = int(np.abs(integers.astype(np.int64)).max(initial=0))
    chosen = weight_of(node, rounded_second_order(matrix, largest, second), weight.shape).astype(np.int8)
    if np.array_equal(chosen, integers):
        return False
    _store(view, dequantizer, chosen, scale)
    return True


def _store(view: View, dequantizer: onnx.NodeProto, integers: Array, scale: Array) -> None:
    """Write integers, or the floats that a Q in between rounds to them."""
    constant = view.constants.get(dequantizer.input[0])
    if constant is None:
        constant = view.constants[view.producers[dequantizer.input[0]].input[0]]
        values = integers.astype(np.float32) * along(scale, axis_of(dequantizer), integers.ndim)
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float32), constant.name))
    else:
        constant.CopyFrom(numpy_helper.from_array(integers, constant.name))


TREATMENT = AdaptiveRounding()
