"""NVIDIA's own parser and builder; neither needs a GPU. Test modules that import this are skipped without them.

TensorRT for RTX is the one member of the family that pip installs whole and that builds for a GPU that is not there.
Its engines run on GeForce cards, not on Jetson boards: what is proven is that the graph is understood.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tensorrt_rtx_libs", reason="tensorrt-rtx-cu13-libs is not installed; pip install edgetl[dev]")
trt = pytest.importorskip(
    "tensorrt_rtx_bindings", reason="tensorrt-rtx-cu13-bindings is not installed; pip install edgetl[dev]"
)

ROWS = 8
"""What an engine takes of any size that is free, but for the first, of which it takes one."""


class _Log(trt.ILogger):  # type: ignore[misc]
    """Keeps what is worse than a remark."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.lines: list[str] = []

    def log(self, severity: Any, message: str) -> None:
        if severity <= trt.ILogger.Severity.WARNING:
            self.lines.append(message)


LOG = _Log()
"""One for the process: TensorRT keeps the first it is given."""


class Parsed:
    """A graph as the parser understands it, and its ``complaints``."""

    def __init__(self, path: Path) -> None:
        self._builder = trt.Builder(LOG)
        self.network = self._builder.create_network(0)
        self._parser = trt.OnnxParser(self.network, LOG)
        self._parser.parse_from_file(str(path))
        self.complaints = [self._parser.get_error(index).desc() for index in range(self._parser.num_errors)]

    def outputs_of(self, kind: Any) -> list[Any]:
        """Types of what all layers of a kind make."""
        layers = [self.network.get_layer(index) for index in range(self.network.num_layers)]
        return [layer.get_output(0).dtype for layer in layers if layer.type == kind]

    def engine(self) -> Any:
        """For a GPU of compute capability 8.9, one sample at a time; ``None`` where the builder gives up."""
        config, profile = self._builder.create_builder_config(), self._builder.create_optimization_profile()
        config.num_compute_capabilities = 1
        config.set_compute_capability(trt.ComputeCapability.SM89, 0)
        for place in range(self.network.num_inputs):
            tensor = self.network.get_input(place)
            sizes = [1, *(ROWS if size < 0 else size for size in tuple(tensor.shape)[1:])]
            profile.set_shape(tensor.name, sizes, sizes, sizes)
        config.add_optimization_profile(profile)
        return self._builder.build_serialized_network(self.network, config)


def assert_parses(path: Path) -> Parsed:
    """Fail with the parser's complaints if it has any."""
    parsed = Parsed(path)
    assert parsed.complaints == []
    return parsed


def assert_stays_quantized(path: Path) -> Parsed:
    """The parser takes the graph and sees its quantizers, which make int8."""
    parsed = assert_parses(path)
    quantized = parsed.outputs_of(trt.LayerType.QUANTIZE)
    assert quantized
    assert set(quantized) == {trt.int8}
    return parsed
