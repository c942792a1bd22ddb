"""What every treatment promises, over the whole table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgetl.errors import Unsupported
from edgetl.host import graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.treatments import (
    GraphTreatment,
    RenderingTreatment,
    done,
    need_moments,
    of_graphs,
    of_renderings,
    ordered,
    treat,
)
from edgetl.host.quantize.treatments.moments import Moments, collect_moments
from edgetl.plugins import BACKENDS, RENDERINGS, TREATMENTS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array

HEAD = frozenset({"head"})
INT8 = [name for name in RENDERINGS if find(RENDERINGS, name, "rendering").precision == "int8"]
ON_GRAPHS, ON_RENDERINGS = of_graphs(TREATMENTS), of_renderings(TREATMENTS)
MIN_SIGNAL_TO_NOISE_DB = 20


@pytest.fixture(scope="module")
def moments(model: Path, images: Array) -> Moments:
    return collect_moments(model, images[:16])


def run(path: Path, images: Array) -> Array:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(path, LoadOptions(threads=1, batch=None))
    outputs: Array = next(iter(runner.infer({"image": images}).values()))
    return outputs


@pytest.mark.parametrize("name", TREATMENTS)
def test_an_entry_knows_its_name_and_is_of_one_kind(name: str) -> None:
    entry = find(TREATMENTS, name, "treatment")

    assert entry.name == name
    assert entry.done == done((name,))[0] != name
    assert isinstance(entry, GraphTreatment) != isinstance(entry, RenderingTreatment)


def test_every_treatment_of_graphs_comes_before_those_of_renderings() -> None:
    assert ordered(reversed(TREATMENTS)) == (*ON_GRAPHS, *ON_RENDERINGS)


@pytest.mark.parametrize("name", ON_GRAPHS)
def test_a_treated_float_graph_computes_the_same(name: str, model: Path, images: Array, tmp_path: Path) -> None:
    treat(model, (name,), images[:16], tmp_path / "treated.onnx")

    onnx.checker.check_model(str(tmp_path / "treated.onnx"), full_check=True)
    wanted = run(model, images)
    assert np.abs(run(tmp_path / "treated.onnx", images) - wanted).max() < 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("name", ON_GRAPHS)
def test_a_treated_float_graph_keeps_its_head_and_the_names_of_layers(
    name: str, model: Path, images: Array, tmp_path: Path
) -> None:
    changed = treat(model, (name,), images[:16], tmp_path / "treated.onnx")[name]

    before, after = (graph.read_graph(path).graph for path in (model, tmp_path / "treated.onnx"))
    layers = [[node.name for node in one.node if node.op_type in ("Conv", "Gemm", "MatMul")] for one in (before, after)]
    assert layers[0] == layers[1]
    assert set(changed) <= set(layers[0]) - HEAD
    assert list(before.input) == list(after.input)
    assert list(before.output) == list(after.output)


@pytest.mark.parametrize("name", ON_GRAPHS)
def test_equal_arguments_give_equal_bytes(name: str, model: Path, images: Array, tmp_path: Path) -> None:
    for out in ("one.onnx", "two.onnx"):
        treat(model, (name,), images[:16], tmp_path / out)

    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


@pytest.mark.parametrize("rendering", INT8)
@pytest.mark.parametrize("name", ON_RENDERINGS)
def test_a_treated_rendering_has_the_same_nodes_and_scales(
    name: str, rendering: str, model: Path, record: CalibrationRecord, moments: Moments, tmp_path: Path
) -> None:
    entry = find(RENDERINGS, rendering, "rendering")
    for out, names in (("plain.onnx", ()), ("treated.onnx", (name,))):
        entry.render(model, record, tmp_path / out, RenderSettings(HEAD, None, names, moments))

    plain, treated = (graph.read_graph(tmp_path / out) for out in ("plain.onnx", "treated.onnx"))
    assert list(plain.graph.node) == list(treated.graph.node)
    scales = {node.input[1] for node in plain.graph.node if node.op_type == "DequantizeLinear"}
    constants = [graph.weights_of(one) for one in (plain, treated)]
    assert all(constants[0][scale] == constants[1][scale] for scale in scales)
    assert constants[0] != constants[1]


@pytest.mark.parametrize("rendering", INT8)
def test_features_stay_near_those_of_the_float_graph_with_all_treatments_of_renderings(
    rendering: str, model: Path, record: CalibrationRecord, moments: Moments, images: Array, tmp_path: Path
) -> None:
    entry = find(RENDERINGS, rendering, "rendering")
    entry.render(model, record, tmp_path / "out.onnx", RenderSettings(HEAD, None, ON_RENDERINGS, moments))

    for path, name in ((model, "float.onnx"), (tmp_path / "out.onnx", "features.onnx")):
        graph.expose_features(path, tmp_path / name)
    wanted, got = (run(tmp_path / name, images[16:]) for name in ("float.onnx", "features.onnx"))
    assert 10 * np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2)) > MIN_SIGNAL_TO_NOISE_DB


@pytest.mark.parametrize("name", ON_RENDERINGS)
def test_a_treatment_that_needs_moments_is_refused_without(
    name: str, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    settings = RenderSettings(HEAD, None, (name,))
    entry = find(RENDERINGS, INT8[0], "rendering")
    if not need_moments((name,)):
        entry.render(model, record, tmp_path / "out.onnx", settings)
        return
    with pytest.raises(Unsupported, match=r"needs the moments .* collect_moments"):
        entry.render(model, record, tmp_path / "out.onnx", settings)


@pytest.mark.parametrize("name", ON_RENDERINGS)
def test_a_treatment_of_renderings_is_refused_on_float_graphs(
    name: str, model: Path, images: Array, tmp_path: Path
) -> None:
    with pytest.raises(Unsupported, match=f"{name!r} works on Q/DQ graphs"):
        treat(model, (name,), images, tmp_path / "out.onnx")


@pytest.mark.parametrize("name", ON_GRAPHS)
def test_a_treatment_of_graphs_is_refused_at_rendering(
    name: str, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    entry = find(RENDERINGS, INT8[0], "rendering")

    with pytest.raises(Unsupported, match=f"{name!r} works on float graphs"):
        entry.render(model, record, tmp_path / "out.onnx", RenderSettings(HEAD, None, (name,)))


def test_unknown_treatments_are_refused(model: Path, images: Array, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"unknown treatment 'soothe'; expected one of: .*bias-correction"):
        treat(model, ("soothe",), images, tmp_path / "out.onnx")


def test_a_quantized_graph_is_not_treated(
    model: Path, record: CalibrationRecord, images: Array, tmp_path: Path
) -> None:
    find(RENDERINGS, INT8[0], "rendering").render(model, record, tmp_path / "int8.onnx", RenderSettings(HEAD))

    with pytest.raises(Unsupported, match="is quantized already"):
        treat(tmp_path / "int8.onnx", ON_GRAPHS, images, tmp_path / "out.onnx")
