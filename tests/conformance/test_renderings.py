"""What every quantized rendering promises, over the whole table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgetl.device.probe import environment
from edgetl.errors import BackendError, Unsupported
from edgetl.host import graph
from edgetl.host.adapt import Head
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.saturation.here import saturates_here
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, TensorSpec

SIZE = 32
FEATURES = 32
KINDS = {"int8": (), "fp16": (onnx.TensorProto.FLOAT16,), "bf16": (onnx.TensorProto.BFLOAT16,)}
SETTINGS = RenderSettings(frozenset({"head"}))
MIN_SIGNAL_TO_NOISE_DB = 20


@pytest.fixture(scope="module", params=RENDERINGS)
def rendering(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rendered(rendering: str, model: Path, record: CalibrationRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("quantized") / "model.onnx"
    find(RENDERINGS, rendering, "rendering").render(model, record, out, SETTINGS)
    return out


def run(path: Path, images: Array, batch: int | None = None, runtime: str = "onnxruntime") -> Array:
    options = LoadOptions(threads=1, batch=batch, exact_sums=saturates_here(path, environment().cpu))
    runner = find(BACKENDS, runtime, "runtime").load(path, options)
    outputs: Array = next(iter(runner.infer({"image": images}).values()))
    return outputs


def test_the_entry_knows_its_name(rendering: str) -> None:
    assert find(RENDERINGS, rendering, "rendering").name == rendering


def test_the_entry_says_which_runtimes_it_is_for(rendering: str) -> None:
    runtimes = find(RENDERINGS, rendering, "rendering").runtimes

    assert runtimes
    assert runtimes <= {*BACKENDS, "tensorrt"}


def test_the_graph_is_valid_and_still_takes_a_batch_of_uint8_images(rendered: Path) -> None:
    onnx.checker.check_model(str(rendered), full_check=True)

    artifact = graph.artifact_from(rendered, "model.onnx", "any", "int8")
    assert artifact.inputs == (TensorSpec("image", "uint8", (None, SIZE, SIZE, 3)),)
    assert artifact.outputs == (TensorSpec("logits", "float32", (None, 3)),)


def test_the_image_is_read_by_a_cast_to_float_alone(rendered: Path) -> None:
    readers = [node for node in graph.read_graph(rendered).graph.node if "image" in node.input]

    assert [node.op_type for node in readers] == ["Cast"]


def refused_because(runtime: str, rendering: str, model: Path) -> str:
    """What a runtime says of a graph that it has no kernels for here; empty where it has."""
    if (rendering, runtime) == ("bf16", "onnxruntime"):
        return "implementation"
    cut = saturates_here(model, environment().cpu)
    assert not (cut and rendering == "x86")
    return "cannot be asked for exact sums" if runtime == "openvino" and cut else ""


@pytest.fixture
def runtime(rendering: str) -> str:
    return "openvino" if rendering == "bf16" else "onnxruntime"


@pytest.mark.parametrize("other", BACKENDS)
def test_features_stay_near_those_of_the_float_graph(
    other: str, rendering: str, rendered: Path, model: Path, images: Array, tmp_path: Path
) -> None:
    because = refused_because(other, rendering, rendered)
    if because:
        with pytest.raises(BackendError, match=because):
            run(rendered, images, runtime=other)
        return
    for path, name in ((model, "float.onnx"), (rendered, "rendered.onnx")):
        graph.expose_features(path, tmp_path / name)
    wanted = run(tmp_path / "float.onnx", images[16:])
    got = run(tmp_path / "rendered.onnx", images[16:], runtime=other)

    assert wanted.shape == got.shape
    assert 10 * np.log10(np.sum(wanted**2) / np.sum((wanted - got) ** 2)) > MIN_SIGNAL_TO_NOISE_DB


def test_every_batch_size_gives_the_same(rendered: Path, runtime: str, images: Array) -> None:
    one_by_one = np.concatenate([run(rendered, image[None], 1, runtime) for image in images[16:]])

    np.testing.assert_allclose(run(rendered, images[16:], None, runtime), one_by_one, rtol=0.05, atol=0.05)


def test_the_head_keeps_its_float_weights(rendered: Path, model: Path) -> None:
    quantized, original = (graph.weights_of(graph.read_graph(path)) for path in (rendered, model))

    for name in ("head.weight", "head.bias"):
        assert quantized[name].SerializeToString() == original[name].SerializeToString()


def test_the_head_can_be_exchanged_and_features_taken_out(
    rendered: Path, runtime: str, images: Array, tmp_path: Path
) -> None:
    head = Head(np.eye(2, FEATURES, dtype=np.float32), np.array([1, -1], np.float32))

    graph.replace_head(rendered, head, tmp_path / "refit.onnx")
    graph.expose_features(rendered, tmp_path / "features.onnx")

    features = run(tmp_path / "features.onnx", images, None, runtime)
    assert features.shape == (len(images), FEATURES)
    np.testing.assert_allclose(
        run(tmp_path / "refit.onnx", images, None, runtime), features[:, :2] + head.bias, rtol=1e-4, atol=1e-4
    )


def test_every_convolution_has_weights_of_the_renderings_precision(rendering: str, rendered: Path) -> None:
    precision = find(RENDERINGS, rendering, "rendering").precision
    nodes = graph.read_graph(rendered).graph.node
    kinds = KINDS[precision]
    made = {output: node.op_type for node in nodes for output in node.output}
    constants = graph.weights_of(graph.read_graph(rendered))

    weights = [node.input[1] for node in nodes if node.op_type == "Conv"]
    assert weights
    assert all(
        made.get(weight) == "DequantizeLinear" if precision == "int8" else constants[weight].data_type in kinds
        for weight in weights
    )


def test_it_counts_as_many_operations_as_the_float_graph(rendered: Path, model: Path) -> None:
    before, after = (graph.artifact_from(path, "model.onnx", "any", "int8") for path in (model, rendered))

    assert after.operations == before.operations


def test_any_node_can_stay_in_float(rendering: str, model: Path, record: CalibrationRecord, tmp_path: Path) -> None:
    """One at a time, as a search for sensitive layers does."""
    for node in graph.read_graph(model).graph.node:
        keep = frozenset({"head", node.name})
        find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "out.onnx", RenderSettings(keep))

        if node.op_type in ("Conv", "MatMul"):
            after = {other.name: other for other in graph.read_graph(tmp_path / "out.onnx").graph.node}
            constants = graph.weights_of(graph.read_graph(tmp_path / "out.onnx"))
            assert [name in constants for name in after[node.name].input] == [
                name in graph.weights_of(graph.read_graph(model)) for name in node.input
            ]


def test_a_graph_that_is_to_stay_in_float_as_a_whole_is_refused(
    rendering: str, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    everything = RenderSettings(frozenset(node.name for node in graph.read_graph(model).graph.node))

    with pytest.raises(Unsupported, match=r"no layer .* leave '.*' out of renderings"):
        find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "out.onnx", everything)


def test_another_estimator_gives_other_ranges(
    rendering: str, rendered: Path, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    entry = find(RENDERINGS, rendering, "rendering")
    entry.render(model, record, tmp_path / "out.onnx", RenderSettings(frozenset({"head"}), "minmax"))

    is_same = (tmp_path / "out.onnx").read_bytes() == rendered.read_bytes()
    assert is_same == (entry.precision != "int8")


def test_equal_arguments_give_equal_bytes(
    rendering: str, rendered: Path, model: Path, record: CalibrationRecord, tmp_path: Path
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "again.onnx", SETTINGS)

    assert (tmp_path / "again.onnx").read_bytes() == rendered.read_bytes()


def test_nothing_is_printed_or_logged(
    rendering: str,
    model: Path,
    record: CalibrationRecord,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    find(RENDERINGS, rendering, "rendering").render(model, record, tmp_path / "quiet.onnx", SETTINGS)

    assert capfd.readouterr() == ("", "")
    assert not caplog.records
