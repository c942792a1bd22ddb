"""One integer layer, as a CPU with or without VNNI computes it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgetl.host.quantize.saturation.columns import arranged
from edgetl.host.quantize.saturation.layers import QuantizedLayer, Requantization
from edgetl.host.quantize.saturation.products import Pair, Saturation, exact_product, risky_pairs, saturation
from edgetl.tensors import Array

Isa = Literal["vnni", "avx2"]
"""``vnni`` adds products in 32 bits, as do AMX and ARM's dot products; ``avx2`` stands for every x86 CPU without."""
Kernels = Literal["onnxruntime", "openvino"]
"""Whose kernels pair the products; see the package."""
_SIGN = np.uint8(128)


class IntegerLayer:
    """A layer with what is known of its weights before any input."""

    def __init__(self, layer: QuantizedLayer, kernels: Kernels = "onnxruntime") -> None:
        self.layer = layer
        self._saturates = layer.saturates and (kernels == "openvino" or _is_fused(layer))
        self._padding = _padding(layer) if kernels == "openvino" else None
        weight = self._paired(layer.weight.swapaxes(1, 2)).swapaxes(1, 2)
        self._risky: tuple[tuple[Pair, ...], ...] = tuple(
            risky_pairs(group) if self._saturates else () for group in weight
        )

    def exact(self, columns: Array) -> NDArray[np.int64]:
        """Sums with the bias as int32 holds them, ``(output channels, columns)``.

        Args:
            columns: the layer's 8-bit input, ``(groups, K, columns)``.
        """
        layer = self.layer
        shifted = columns.astype(np.int16) - np.int16(layer.source_zero)
        weights = layer.weight.astype(np.int16) - np.int16(layer.weight_zero)
        return exact_product(weights, shifted).reshape(-1, columns.shape[2]) + layer.bias[:, None]

    def saturation(self, columns: Array) -> Saturation:
        """What a CPU without VNNI makes of these sums; nothing for a layer that is computed in 32 bits."""
        layer = self.layer
        if not self._saturates:
            return Saturation(np.zeros((len(layer.bias), columns.shape[2]), np.int32), 0, 0)
        stored = columns.view(np.uint8) ^ _SIGN if layer.signed else columns
        groups = [
            saturation(pairs, layer.weight.shape[1], group)
            for pairs, group in zip(self._risky, self._paired(stored), strict=True)
        ]
        correction = np.concatenate([group.correction for group in groups])
        return Saturation(correction, sum(group.saturated for group in groups), sum(group.sums for group in groups))

    def written(self, sums: NDArray[np.int64], shape: tuple[int, ...]) -> Array:
        """Sums as the tensor that the layer writes, rounded as ONNX Runtime does: half to even, in float32."""
        layer, real = self.layer, sums.astype(np.float32)
        if layer.to is None:
            return arranged(layer, real * (layer.source_scale * layer.weight_scale)[:, None], shape)
        scale = layer.source_scale * layer.weight_scale / layer.to.scale
        return arranged(layer, _requantized(real * scale[:, None], layer.to), shape)

    def _paired(self, values: Array) -> Array:
        """``(groups, K, any)`` with the places that the kernels add along K; what they hold meets a weight of zero."""
        return values if self._padding is None else np.insert(values, self._padding, 0, axis=1)


def _is_fused(layer: QuantizedLayer) -> bool:
    """Whether ONNX Runtime computes the layer on integers: a convolution only where its output is quantized, too."""
    return not layer.kernel or layer.to is not None


def _padding(layer: QuantizedLayer) -> NDArray[np.intp] | None:
    """Where along K a zero follows, so that each kernel position has an even number of channels; ``None``: nowhere."""
    depth = layer.weight.shape[2]
    channels = depth // int(np.prod(layer.kernel))
    return np.arange(channels, depth + 1, channels) if layer.kernel and channels % 2 else None


def _requantized(real: NDArray[np.float32], to: Requantization) -> Array:
    limits = np.iinfo(to.dtype)  # type: ignore[type-var]
    return (np.rint(np.clip(real, limits.min - to.zero, limits.max - to.zero)) + to.zero).astype(to.dtype)
