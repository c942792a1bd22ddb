"""Calibration sees the real activations of real images, once, and says what it saw."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.errors import DataError, InputError, Unsupported
from edgetl.host import graph
from edgetl.host.adapt import Head
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import CalibrationSettings, before_clipping, calibrate
from edgetl.host.quantize.record import CalibrationRecord, read_record
from edgetl.host.quantize.unfinished import read_unfinished
from edgetl.host.quantize.x86_vnni import RENDERING
from edgetl.progress import Silent, Step
from edgetl.tensors import Array


def same(one: CalibrationRecord, other: CalibrationRecord, folder: Path) -> bool:
    one.save(folder / "one.npz")
    other.save(folder / "other.npz")
    return (folder / "one.npz").read_bytes() == (folder / "other.npz").read_bytes()


def test_ranges_are_those_of_the_activations(network: Path, images: Array) -> None:
    record = calibrate(network, images, CalibrationSettings(estimator="minmax"))

    normal = (images.transpose(0, 3, 1, 2) - np.array([123.7, 116.3, 103.5]).reshape(1, 3, 1, 1)) * np.array(
        [0.017, 0.018, 0.0175]
    ).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(record.ranges()["normal"], (normal.min(), normal.max()), rtol=1e-5)
    np.testing.assert_allclose(record.tensors["normal"].means, normal.mean((0, 2, 3)), rtol=1e-4)
    assert record.ranges()["relu6"][0] == 0
    assert record.images == 20


def test_what_only_an_activation_reads_is_not_watched(network: Path, images: Array) -> None:
    assert "conv" not in calibrate(network, images).tensors


@pytest.mark.parametrize("is_first", [True, False], ids=["relu, relu6", "relu6, relu"])
def test_of_activations_in_a_row_the_last_one_is_watched(
    is_first: bool, network: Path, images: Array, tmp_path: Path
) -> None:
    model = graph.read_graph(network)
    before, after = ("conv", "positive") if is_first else ("relu6", "positive")
    model.graph.node.insert(5 if is_first else 6, helper.make_node("Relu", [before], [after], "relu"))
    reader = next(node for node in model.graph.node if node.name == ("clip" if is_first else "pool"))
    reader.input[0] = after
    graph.write_graph(model, network)

    record = calibrate(network, images)
    RENDERING.render(network, record, tmp_path / "int8.onnx", RenderSettings(frozenset({"head"})))

    last = "relu6" if is_first else "positive"
    assert {"conv", "relu6", "positive"} & record.tensors.keys() == {last}
    assert before_clipping(model) == {"conv": last, "positive" if is_first else "relu6": last}


def test_the_order_of_the_images_does_not_matter(network: Path, images: Array, tmp_path: Path) -> None:
    assert same(calibrate(network, images), calibrate(network, images[::-1]), tmp_path)


def test_a_record_survives_its_file(network: Path, images: Array, tmp_path: Path) -> None:
    record = calibrate(network, images, CalibrationSettings(estimator="mse"))
    record.save(tmp_path / "record.npz")

    again = read_record(tmp_path / "record.npz")

    assert same(record, again, tmp_path)
    assert again.ranges() == record.ranges("mse")


@pytest.mark.parametrize("count", [0, 15])
def test_too_few_images_are_refused(count: int, network: Path, images: Array) -> None:
    with pytest.raises(DataError, match=f"got {count} samples.*at least 16"):
        calibrate(network, images[:count])


def test_the_same_image_again_and_again_is_refused(network: Path, images: Array) -> None:
    with pytest.raises(DataError, match="got 20 samples, 1 of them different"):
        calibrate(network, images[:1].repeat(20, 0))


def test_images_that_do_not_fit_the_model_are_refused(network: Path, images: Array) -> None:
    with pytest.raises(Unsupported, match="input 'image'"):
        calibrate(network, images[:, :8])


def test_weights_that_are_no_numbers_are_told_by_the_tensor_they_spoil(network: Path, images: Array) -> None:
    model = graph.read_graph(network)
    spoilt = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
    spoilt.CopyFrom(numpy_helper.from_array(np.full((8, 3, 3, 3), np.nan, np.float32), "w"))
    graph.write_graph(model, network)

    with pytest.raises(DataError, match="'relu6' has NaN or infinite"):
        calibrate(network, images)


def test_a_quantized_graph_is_refused(network: Path, images: Array, tmp_path: Path) -> None:
    RENDERING.render(network, calibrate(network, images), tmp_path / "int8.onnx", RenderSettings(frozenset({"head"})))

    with pytest.raises(Unsupported, match="quantized already"):
        calibrate(tmp_path / "int8.onnx", images)


def test_a_record_outlives_a_refitted_head(network: Path, images: Array, tmp_path: Path) -> None:
    record = calibrate(network, images)
    graph.replace_head(network, Head(np.ones((3, 8), np.float32), np.zeros(3, np.float32)), tmp_path / "refit.onnx")

    assert calibrate(tmp_path / "refit.onnx", images).graph_sha256 == record.graph_sha256


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense"], ids=["empty", "damaged"])
def test_a_damaged_record_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "record.npz").write_bytes(content)

    with pytest.raises(InputError, match="calibrate again"):
        read_record(tmp_path / "record.npz")


def test_a_record_with_any_damaged_byte_is_read_or_refused_in_words(
    network: Path, images: Array, tmp_path: Path
) -> None:
    path = tmp_path / "record.npz"
    calibrate(network, images).save(path)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 23):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            read_record(path)
        except InputError:
            refused += 1
    assert refused > 0


def test_progress_knows_how_many_images_there_are(network: Path, images: Array) -> None:
    totals: list[int | None] = []

    class Totals(Silent):
        def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
            totals.append(total)
            return super().stage(title, total)

    calibrate(network, images, CalibrationSettings(progress=Totals(), total=len(images)))
    assert totals == [len(images)]


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "record.npz", meta=np.frombuffer(b'{"schema": "edgetl.calibration/0"}', np.uint8))

    with pytest.raises(InputError, match=r"schema 'edgetl.calibration/0', expected 'edgetl.calibration/1'"):
        read_record(tmp_path / "record.npz")


def test_a_missing_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read calibration"):
        read_record(tmp_path / "record.npz")


PEAKS = """
import pathlib, sys
import numpy as np
from edgetl.host.quantize.calibrate import calibrate

rng = np.random.default_rng(0)
for count in (24, 24, 96):
    calibrate(pathlib.Path(sys.argv[1]), (rng.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(count)))
    status = pathlib.Path("/proc/self/status").read_text()
    print(int(status.partition("VmHWM:")[2].split()[0]) * 1024)
"""
"""Most memory the process has held: in the runtime, too, of which tracemalloc sees nothing."""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")
def test_memory_does_not_grow_with_the_number_of_images(network: Path) -> None:
    model = graph.read_graph(network)
    for size in model.graph.input[0].type.tensor_type.shape.dim[1:3]:
        size.dim_value = 96
    graph.write_graph(model, network)
    activations_of_one = (3 + 8) * 96 * 96 * 4

    done = subprocess.run([sys.executable, "-c", PEAKS, str(network)], capture_output=True, text=True, check=True)

    _, few, many = map(int, done.stdout.split())
    assert many - few < 10 * activations_of_one < (96 - 24) * activations_of_one / 5


class Stopped(Exception):
    """As if the process had been killed."""


def stopping(images: Array, after: int) -> Iterator[Array]:
    yield from images[:after]
    raise Stopped


def test_a_calibration_that_was_stopped_goes_on_to_the_same_record(
    network: Path, images: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.host.quantize.calibrate.EVERY", 4)
    whole = calibrate(network, images)
    settings = CalibrationSettings(unfinished=tmp_path / "unfinished.npz")
    with pytest.raises(Stopped):
        calibrate(network, stopping(images, 10), settings)
    kept = read_unfinished(tmp_path / "unfinished.npz", whole.graph_sha256, frozenset(whole.tensors))
    assert kept is not None
    assert len(kept.digests) == 8

    again = calibrate(network, images, settings)

    assert same(whole, again, tmp_path)
    assert not (tmp_path / "unfinished.npz").exists()


@pytest.mark.parametrize(
    "others", [lambda images: images[::-1], lambda images: images[:-4]], ids=["in another order", "fewer"]
)
def test_a_calibration_does_not_go_on_with_other_images(
    others: Callable[[Array], Array], network: Path, images: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.host.quantize.calibrate.EVERY", 6)
    settings = CalibrationSettings(unfinished=tmp_path / "unfinished.npz")
    with pytest.raises(Stopped):
        calibrate(network, stopping(images, 19), settings)

    with pytest.raises(DataError, match="saw other samples"):
        calibrate(network, others(images), settings)

    assert same(calibrate(network, others(images), settings), calibrate(network, others(images)), tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense"], ids=["empty", "damaged"])
def test_a_damaged_unfinished_calibration_is_begun_anew(
    content: bytes, network: Path, images: Array, tmp_path: Path
) -> None:
    (tmp_path / "unfinished.npz").write_bytes(content)

    record = calibrate(network, images, CalibrationSettings(unfinished=tmp_path / "unfinished.npz"))

    assert same(record, calibrate(network, images), tmp_path)


def test_several_inputs_with_masked_attention_are_calibrated(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["x"], "embed"),
        helper.make_node("MatMul", ["x", "weight"], ["scores"], "scores"),
        helper.make_node("Where", ["mask", "none", "never"], ["bias"], "where"),
        helper.make_node("Add", ["scores", "bias"], ["masked"], "add"),
        helper.make_node("Softmax", ["masked"], ["shares"], "softmax", axis=1),
        helper.make_node("MatMul", ["shares", "weight"], ["out"], "last"),
    ]
    rng = np.random.default_rng(0)
    constants = {
        "words": rng.normal(size=(50, 4)).astype(np.float32),
        "weight": rng.normal(size=(4, 4)).astype(np.float32),
        "none": np.float32(0),
        "never": np.float32(-np.inf),
    }
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"]),
        helper.make_tensor_value_info("mask", TensorProto.BOOL, ["batch", "length", 1]),
    ]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", "length", 4])
    weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    attention = helper.make_graph(nodes, "attention", inputs, [output], weights)
    path = tmp_path / "attention.onnx"
    onnx.save(helper.make_model(attention, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    feeds = [
        {"ids": rng.integers(0, 50, (1, length)), "mask": np.arange(length)[None, :, None] < length - 1}
        for length in range(2, 22)
    ]
    record = calibrate(path, feeds)
    assert set(record.tensors) == {"x", "scores", "shares", "out"}
    assert record.images_sha256 == calibrate(path, feeds[::-1]).images_sha256
