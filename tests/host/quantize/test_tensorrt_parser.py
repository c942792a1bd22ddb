"""NVIDIA's own parser on the rendering for TensorRT of networks that are harder than those of conformance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hard_network import Hardness, hard_network, images
from nvidia_parser import LOG, assert_parses, assert_stays_quantized
from onnx import helper, numpy_helper

from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.tensorrt import RENDERING
from edgetl.host.quantize.treatments import treat
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.plugins import RENDERINGS, find
from edgetl.tensors import Array

HEAD = frozenset({"head"})
CALIBRATION = tuple(images(24))


def kinds(path: Path) -> list[str]:
    return [node.op_type for node in read_graph(path).graph.node]


def with_normalisations(model: onnx.ModelProto) -> onnx.ModelProto:
    """One behind every convolution."""
    rng = np.random.default_rng(0)
    for conv in [node for node in model.graph.node if node.op_type == "Conv"]:
        width = next(one.dims[0] for one in model.graph.initializer if one.name == conv.input[1])
        parts = {part: f"{conv.name}.{part}" for part in ("scale", "shift", "mean", "variance")}
        for name in parts.values():
            values = rng.uniform(0.5, 1.5, width).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(values, name))
        out, conv.output[0] = conv.output[0], f"{conv.name}.raw"
        norm = helper.make_node("BatchNormalization", [conv.output[0], *parts.values()], [out], f"{conv.name}.norm")
        model.graph.node.insert(list(model.graph.node).index(conv) + 1, norm)
    return model


@pytest.mark.parametrize("place", [None, 0, 1, -1])
def test_an_equalised_graph_with_the_bounds_that_layers_in_float_keep(place: int | None, tmp_path: Path) -> None:
    """Each channel of what was a ReLU6 has a bound of its own; it stays before a layer in float."""
    onnx.save(hard_network(Hardness(is_clipped=True, blocks=1)), tmp_path / "float.onnx")
    treat(tmp_path / "float.onnx", ("equalise",), CALIBRATION, tmp_path / "equal.onnx")
    convolutions = [node.name for node in read_graph(tmp_path / "equal.onnx").graph.node if node.op_type == "Conv"]
    keep = HEAD if place is None else HEAD | {convolutions[place]}

    record = calibrate(tmp_path / "equal.onnx", CALIBRATION)
    RENDERING.render(tmp_path / "equal.onnx", record, tmp_path / "out.onnx", RenderSettings(keep))

    assert ("Min" in kinds(tmp_path / "out.onnx")) == (place is not None)
    assert_stays_quantized(tmp_path / "out.onnx")


@pytest.mark.parametrize("treatments", [(), ("fold-normalisation",)], ids=["apart", "folded"])
def test_a_graph_with_normalisations(treatments: tuple[str, ...], tmp_path: Path) -> None:
    onnx.save(with_normalisations(hard_network(Hardness(1.0, 1.0, blocks=1))), tmp_path / "float.onnx")
    treat(tmp_path / "float.onnx", treatments, CALIBRATION, tmp_path / "treated.onnx")

    record = calibrate(tmp_path / "treated.onnx", CALIBRATION)
    RENDERING.render(tmp_path / "treated.onnx", record, tmp_path / "out.onnx", RenderSettings(HEAD))

    assert ("BatchNormalization" in kinds(tmp_path / "out.onnx")) == (not treatments)
    assert_stays_quantized(tmp_path / "out.onnx")


def test_a_trained_graph(tmp_path: Path) -> None:
    onnx.save(hard_network(Hardness(spread=30.0, outlier=3.0, blocks=1)), tmp_path / "float.onnx")
    record = calibrate(tmp_path / "float.onnx", CALIBRATION)
    RENDERING.render(tmp_path / "float.onnx", record, tmp_path / "int8.onnx", RenderSettings(HEAD))

    settings = TuneSettings(budget_s=1.0, steps=15, clock=lambda: 0.0)
    tuned = tune(tmp_path / "float.onnx", tmp_path / "int8.onnx", CALIBRATION, tmp_path / "tuned.onnx", settings)

    assert tuned.changed
    assert_stays_quantized(tmp_path / "tuned.onnx")


@pytest.mark.parametrize("treatments", [(), ("smooth",)], ids=["plain", "smooth"])
@pytest.mark.parametrize("rendering", ["tensorrt", "fp16", "bf16"])
def test_a_model_of_tokens_of_any_length(
    rendering: str,
    treatments: tuple[str, ...],
    embedder: Callable[[Path], Path],
    sentences: Callable[..., tuple[dict[str, Array], ...]],
    tmp_path: Path,
) -> None:
    model, out = tmp_path / "treated.onnx", tmp_path / "out.onnx"
    changed = treat(embedder(tmp_path / "float.onnx"), treatments, sentences(256), model)
    assert bool(changed.get("smooth")) == bool(treatments)

    find(RENDERINGS, rendering, "rendering").render(model, calibrate(model, sentences(32)), out, RenderSettings())

    parsed = assert_stays_quantized(out) if rendering == "tensorrt" else assert_parses(out)
    assert parsed.network.num_inputs == 2
    assert parsed.engine() is not None, LOG.lines[-3:]
