"""NVIDIA's own parser and builder on every graph that is rendered for TensorRT."""

from __future__ import annotations

from pathlib import Path

import pytest
from nvidia_parser import LOG, Parsed, assert_parses, assert_stays_quantized, trt

from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rules import broken
from edgetl.host.quantize.treatments import of_graphs, of_renderings, treat
from edgetl.host.quantize.treatments.moments import collect_moments
from edgetl.plugins import RENDERINGS, TREATMENTS, find
from edgetl.tensors import Array

HEAD = frozenset({"head"})
SETTINGS = RenderSettings(HEAD)
FOR_TENSORRT = ("tensorrt", "fp16", "bf16")


def layers(model: Path) -> list[str]:
    return [node.name for node in read_graph(model).graph.node if node.op_type in ("Add", "Conv", "MatMul")]


@pytest.mark.parametrize("rendering", FOR_TENSORRT)
def test_the_parser_takes_the_graph_and_the_builder_makes_an_engine(
    rendering: str, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "model.onnx", SETTINGS)

    parsed = assert_parses(tmp_path / "model.onnx")

    image = parsed.network.get_input(0)
    assert tuple(image.shape)[1:] == (32, 32, 3)
    assert image.dtype == trt.uint8
    assert parsed.engine() is not None, LOG.lines[-3:]


@pytest.mark.parametrize("names", [(), *((name,) for name in TREATMENTS), tuple(TREATMENTS)], ids="+".join)
def test_layers_stay_quantized_in_the_parsed_network_whatever_the_treatments(
    names: tuple[str, ...], model: Path, images: Array, tmp_path: Path
) -> None:
    treated = tmp_path / "treated.onnx"
    treat(model, of_graphs(names), images[:16], treated)
    settings = RenderSettings(HEAD, None, of_renderings(names), collect_moments(treated, images[:16]))

    find(RENDERINGS, "tensorrt", "rendering").render(
        treated, calibrate(treated, images[:16]), tmp_path / "out.onnx", settings
    )

    assert_stays_quantized(tmp_path / "out.onnx")


def test_any_layer_may_stay_in_float(model: Path, record: CalibrationRecord, tmp_path: Path) -> None:
    """One at a time, as a search for sensitive layers does."""
    for name in layers(model):
        find(RENDERINGS, "tensorrt", "rendering").render(
            model, record, tmp_path / "out.onnx", RenderSettings(HEAD | {name})
        )
        assert_parses(tmp_path / "out.onnx")


@pytest.mark.parametrize("rendering", FOR_TENSORRT)
@pytest.mark.parametrize("first", [0, 1])
def test_every_other_layer_may_stay_in_float(
    first: int, rendering: str, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    settings = RenderSettings(HEAD | set(layers(model)[first::2]))

    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "out.onnx", settings)

    assert_parses(tmp_path / "out.onnx")


@pytest.mark.parametrize("rendering", sorted(set(RENDERINGS) - set(FOR_TENSORRT)))
def test_graphs_for_cpus_are_refused_as_the_rules_that_they_break_say(
    rendering: str, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "model.onnx", SETTINGS)

    assert Parsed(tmp_path / "model.onnx").complaints
    rules = [remark.rule for remark in broken(read_graph(tmp_path / "model.onnx"))]
    assert {"symmetric", "float-bias"} <= {rule.name for rule in rules if rule.runtime == "tensorrt"}
