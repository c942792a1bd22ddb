"""How much of a graph is quantized: layers whose two factors are both dequantized integers."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from edgetl.host.quantize.rules.view import LAYERS, View


@dataclass(frozen=True)
class Coverage:
    """Convolutions and matrix products of a graph, by name and in its order."""

    quantized: tuple[str, ...]
    in_float: tuple[str, ...]

    @property
    def share(self) -> float:
        """Fraction of the layers that are quantized; 0 for a graph without layers."""
        layers = len(self.quantized) + len(self.in_float)
        return len(self.quantized) / layers if layers else 0.0


def coverage(model: onnx.ModelProto) -> Coverage:
    """Which layers of a Q/DQ graph a runtime can compute on integers."""
    view = View.of(model)
    names: dict[bool, list[str]] = {True: [], False: []}
    for node in view.nodes(*LAYERS):
        names[view.is_quantized(node)].append(node.name)
    return Coverage(tuple(names[True]), tuple(names[False]))
