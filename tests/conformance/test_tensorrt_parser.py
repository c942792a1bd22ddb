"""NVIDIA's own parser and builder on every graph that is rendered for TensorRT; neither needs a GPU.

TensorRT for RTX is the one member of the family that pip installs whole and that builds for a GPU that is not there.
Its engines run on GeForce cards, not on Jetson boards: what is proven is that the graph is understood.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rules import broken
from edgetl.plugins import RENDERINGS, find

pytest.importorskip("tensorrt_rtx_libs", reason="tensorrt-rtx-cu13-libs is not installed; pip install edgetl[dev]")
trt = pytest.importorskip(
    "tensorrt_rtx_bindings", reason="tensorrt-rtx-cu13-bindings is not installed; pip install edgetl[dev]"
)

SETTINGS = RenderSettings(frozenset({"head"}))
FOR_TENSORRT = ("tensorrt", "fp16", "bf16")


class Log(trt.ILogger):  # type: ignore[misc]
    """Keeps what is worse than a remark."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.lines: list[str] = []

    def log(self, severity: Any, message: str) -> None:
        if severity <= trt.ILogger.Severity.WARNING:
            self.lines.append(message)


@pytest.fixture(scope="module")
def log() -> Log:
    """One for the process: TensorRT keeps the first it is given."""
    return Log()


def parsed(path: Path, log: Log) -> tuple[Any, Any, list[str]]:
    """Builder, network and the parser's complaints."""
    builder = trt.Builder(log)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, log)
    parser.parse_from_file(str(path))
    return builder, network, [parser.get_error(index).desc() for index in range(parser.num_errors)]


def engine(builder: Any, network: Any) -> Any:
    """An engine for a GPU of compute capability 8.9, one image at a time; ``None`` where the builder gives up."""
    config, profile, image = (
        builder.create_builder_config(),
        builder.create_optimization_profile(),
        network.get_input(0),
    )
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM89, 0)
    one = [1, *tuple(image.shape)[1:]]
    profile.set_shape(image.name, one, one, one)
    config.add_optimization_profile(profile)
    return builder.build_serialized_network(network, config)


@pytest.mark.parametrize("rendering", FOR_TENSORRT)
def test_the_parser_takes_the_graph_and_the_builder_makes_an_engine(
    rendering: str, model: Path, record: CalibrationRecord, log: Log, tmp_path: Path
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "model.onnx", SETTINGS)

    builder, network, complaints = parsed(tmp_path / "model.onnx", log)

    assert complaints == []
    assert tuple(network.get_input(0).shape)[1:] == (32, 32, 3)
    assert network.get_input(0).dtype == trt.uint8
    assert engine(builder, network) is not None, log.lines[-3:]


def test_layers_stay_quantized_in_the_parsed_network(
    model: Path, record: CalibrationRecord, log: Log, tmp_path: Path
) -> None:
    find(RENDERINGS, "tensorrt", "rendering").render(model, record, tmp_path / "model.onnx", SETTINGS)

    _, network, _ = parsed(tmp_path / "model.onnx", log)

    layers = [network.get_layer(index) for index in range(network.num_layers)]
    quantizers = [layer for layer in layers if layer.type == trt.LayerType.QUANTIZE]
    assert quantizers
    assert {layer.get_output(0).dtype for layer in quantizers} == {trt.int8}


@pytest.mark.parametrize("rendering", sorted(set(RENDERINGS) - set(FOR_TENSORRT)))
def test_graphs_for_cpus_are_refused_as_the_rules_that_they_break_say(
    rendering: str, model: Path, record: CalibrationRecord, log: Log, tmp_path: Path
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "model.onnx", SETTINGS)

    _, _, complaints = parsed(tmp_path / "model.onnx", log)

    assert complaints
    rules = [remark.rule for remark in broken(read_graph(tmp_path / "model.onnx"))]
    assert {"symmetric", "float-bias"} <= {rule.name for rule in rules if rule.runtime == "tensorrt"}
