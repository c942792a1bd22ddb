"""Inputs of integer layers as matrices, in the order in which the kernels pair products."""

from __future__ import annotations

import itertools

import numpy as np

from edgetl.errors import Unsupported
from edgetl.host.quantize.rules.view import attributes_of
from edgetl.host.quantize.saturation.layers import QuantizedLayer
from edgetl.tensors import Array


def columns_of(layer: QuantizedLayer, values: Array) -> tuple[Array, tuple[int, ...]]:
    """The input as ``(groups, K, columns)``, and the shape of the output without channels.

    For a convolution K runs over kernel positions and then input channels, and columns over samples and positions; the
    padding has the value of the zero point. For a matrix product columns are rows of the input.

    Raises:
        Unsupported: a convolution with padding given by name.
    """
    if not layer.kernel:
        return values.reshape(1, -1, values.shape[-1]).swapaxes(1, 2), values.shape[:-1]
    return _unfolded(layer, values)


def arranged(layer: QuantizedLayer, sums: Array, shape: tuple[int, ...]) -> Array:
    """Output channels x columns as the tensor that the layer writes."""
    if not layer.kernel:
        return np.ascontiguousarray(sums.T).reshape(*shape, -1)
    return np.ascontiguousarray(np.moveaxis(sums.reshape(-1, *shape), 0, 1))


def _unfolded(layer: QuantizedLayer, values: Array) -> tuple[Array, tuple[int, ...]]:
    attributes = attributes_of(layer.node)
    rank = len(layer.kernel)
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise Unsupported(f"convolution {layer.name!r} names its padding; write it as numbers to emulate it")
    pads, strides, dilations = (
        tuple(int(number) for number in attributes.get(name, (default,) * size))
        for name, default, size in (("pads", 0, 2 * rank), ("strides", 1, rank), ("dilations", 1, rank))
    )
    around = tuple(zip(pads[:rank], pads[rank:], strict=True))
    padded = np.pad(values, ((0, 0), (0, 0), *around), constant_values=layer.source_zero).swapaxes(0, 1)
    spans = [(size - 1) * step + 1 for size, step in zip(layer.kernel, dilations, strict=True)]
    sizes = tuple(
        (have - span) // stride + 1 for have, span, stride in zip(padded.shape[2:], spans, strides, strict=True)
    )
    channels, samples, groups = padded.shape[0], padded.shape[1], layer.weight.shape[0]
    taps = [
        padded[_window(place, dilations, strides, sizes)].reshape(channels, -1)
        for place in itertools.product(*(range(size) for size in layer.kernel))
    ]
    stacked = np.stack(taps).reshape(len(taps), groups, channels // groups, -1)
    return stacked.swapaxes(0, 1).reshape(groups, len(taps) * (channels // groups), -1), (samples, *sizes)


def _window(
    place: tuple[int, ...], dilations: tuple[int, ...], strides: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[slice, ...]:
    """What one position of the kernel reads, of all channels and samples."""
    starts = [step * dilation for step, dilation in zip(place, dilations, strict=True)]
    places = (
        slice(start, start + (size - 1) * stride + 1, stride)
        for start, size, stride in zip(starts, sizes, strides, strict=True)
    )
    return (slice(None), slice(None), *places)
