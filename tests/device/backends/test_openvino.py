from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgetl.device.backends.openvino import BACKEND, _check_precision
from edgetl.device.bench.onnx_bytes import Graph, Node, onnx_bytes
from edgetl.errors import BackendError
from edgetl.runner import LoadOptions
from edgetl.tensors import TensorSpec


def test_a_hint_that_was_not_taken_is_refused() -> None:
    with pytest.raises(
        BackendError, match="openvino computes in f32 on this CPU when asked for bf16; ask for fp32 instead"
    ):
        _check_precision("bf16", "f32")


@pytest.mark.parametrize(("precision", "taken"), [("bf16", "bf16"), ("fp16", "f16"), ("fp32", "f32"), ("int8", "f32")])
def test_a_hint_that_was_taken_is_not(precision: str, taken: str) -> None:
    _check_precision(precision, taken)


def with_weights_beside(folder: Path, value: float) -> Path:
    """``y = x + value``, with the value in a file of its own."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in ("x", "y")]
    value_of = numpy_helper.from_array(np.full((1, 64), value, np.float32), "w")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [value_of])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir()
    onnx.save(model, folder / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    return folder / "m.onnx"


def test_what_was_compiled_with_other_weights_beside_the_graph_is_not_taken(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    options = LoadOptions(threads=1)
    for name, value in (("a", 1.0), ("b", 2.0)):
        runner = BACKEND.load(BACKEND.build(with_weights_beside(tmp_path / name, value), options, tmp_path), options)
        assert runner.infer({"x": np.zeros((1, 64), np.float32)})["y"][0, 0] == value
        runner.close()


def test_an_operator_that_is_not_known_is_named(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    ends = TensorSpec("x", "float32", (1, 4)), TensorSpec("y", "float32", (1, 4))
    (model := tmp_path / "m.onnx").write_bytes(onnx_bytes(Graph([Node("Nothing", ("x",), "y")], ends[:1], ends[1:])))
    with pytest.raises(BackendError, match="No conversion rule found for operations: Nothing"):
        BACKEND.build(model, LoadOptions(threads=1), tmp_path)


def test_a_damaged_model_is_not_compiled(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (model := tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(BackendError, match=r"m\.onnx' is no ONNX file"):
        BACKEND.build(model, LoadOptions(threads=1), tmp_path)


def inverted(blob: bytes) -> bytes:
    """The weights of these graphs lie in the last bytes."""
    return blob[:-300] + bytes(255 - byte for byte in blob[-300:-100]) + blob[-100:]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "inverted weights": inverted,
    "cut off": lambda blob: blob[: len(blob) // 2],
    "random first bytes": lambda blob: bytes(range(100)) + blob[100:],
    "empty": lambda _: b"",
    "without its checksum, as older versions wrote it": lambda blob: blob[12:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_blob_is_compiled_again(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    options, model = LoadOptions(threads=1), with_weights_beside(tmp_path / "a", 1.5)
    blob = BACKEND.build(model, options, tmp_path)
    blob.write_bytes(damaged := damage(blob.read_bytes()))
    with closing(BACKEND.load(BACKEND.build(model, options, tmp_path), options)) as runner:
        assert runner.infer({"x": np.zeros((1, 64), np.float32)})["y"].tolist() == [[1.5] * 64]
    assert blob.read_bytes() != damaged


def test_an_intact_blob_is_not_compiled_again(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    options, model = LoadOptions(threads=1), with_weights_beside(tmp_path / "a", 1.5)
    blob = BACKEND.build(model, options, tmp_path)
    number = blob.stat().st_ino
    assert BACKEND.build(model, options, tmp_path).stat().st_ino == number
