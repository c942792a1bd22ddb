"""``edgetl.open`` and ``Model.predict``: which candidate, what sources, which errors."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

import edgetl
from edgetl.bundle import Bundle
from edgetl.candidate import Candidate
from edgetl.device.cache_dir import default_cache_dir
from edgetl.device.choice import Choice, result_path, safest
from edgetl.device.probe import environment
from edgetl.environment import Cpu, Environment
from edgetl.errors import BundleError, DataError, GateFailed, InputError, Unsupported
from edgetl.result import BundleIdentity, CandidateResult, Result
from edgetl.tensors import Array, Batch, TensorSpec, check_feeds

MakeBundle = Callable[..., Bundle]
Open = Callable[..., edgetl.Model]


@pytest.fixture
def bundle(make_bundle: MakeBundle) -> Bundle:
    return make_bundle()


@pytest.fixture
def opened(bundle: Bundle, tmp_path: Path) -> Open:
    """Opens the bundle with a cache of its own."""
    return lambda **options: edgetl.open(bundle.path, cache_dir=tmp_path / "cache", threads=1, **options)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _result(bundle: Bundle, selected: str | None = "int8-x86-vnni/openvino/int8/1t") -> Result:
    variant, runtime, precision, _ = (selected or "fp32/onnxruntime/fp32/1t").split("/")
    candidate = CandidateResult(
        selected or "none", variant, "x86-vnni", precision, runtime, 1, (), None, None, None, None, 10, None
    )
    return Result(
        "edgetl.result/1", "0", bundle.identity, "local", "quick", environment(), (candidate,), selected, bool(selected)
    )


def test_without_a_qualification_the_float_graph_is_run(opened: Open) -> None:
    with opened() as model:
        assert model.candidate.name == "fp32/onnxruntime/fp32/1t"
        assert model.chosen_by == "safest"


def test_without_a_float_graph_the_safest_is_one_that_this_cpu_computes_exactly(bundle: Bundle) -> None:
    int8 = msgspec.structs.replace(bundle.manifest, variants=(bundle.manifest.variant("int8-x86-vnni"),))
    reduced: Any = SimpleNamespace(manifest=int8)

    def here(*isa: str) -> Environment:
        cpu = Cpu("Example CPU", "x86_64", isa, 2, 2)
        return Environment("Linux", "6", "3.11", "0.1.0", cpu, None, None, None, {})

    assert safest(reduced, here("avx512_vnni"), "onnxruntime").name == "int8-x86-vnni/onnxruntime/int8/2t"
    with pytest.raises(Unsupported, match=r"no graph of 'cells' can be computed here: .* needs VNNI or AMX"):
        safest(reduced, here("avx2"), "onnxruntime")


def test_a_runtime_can_be_chosen(opened: Open) -> None:
    pytest.importorskip("openvino")
    with opened(runtime="openvino") as model:
        assert model.candidate.name == "fp32/openvino/fp32/1t"


def test_an_unknown_runtime_is_refused(opened: Open) -> None:
    with pytest.raises(Unsupported, match="unknown runtime 'tflite'; expected one of: onnxruntime, openvino"):
        opened(runtime="tflite")


def test_a_result_decides(opened: Open, bundle: Bundle, tmp_path: Path) -> None:
    result = _result(bundle, "int8-x86-vnni/onnxruntime/int8/1t")
    path = tmp_path / "result.json"
    path.write_bytes(msgspec.json.encode(result))
    for given in (result, path, str(path)):
        with opened(result=given) as model:
            assert model.candidate.name == result.selected
            assert model.chosen_by == "result"


def test_a_stored_qualification_decides(opened: Open, bundle: Bundle, tmp_path: Path) -> None:
    path = result_path(bundle, tmp_path / "cache", environment())
    path.parent.mkdir(parents=True)
    path.write_bytes(msgspec.json.encode(_result(bundle, "int8-x86-vnni/onnxruntime/int8/1t")))
    with opened() as model:
        assert model.candidate.variant == "int8-x86-vnni"
        assert model.chosen_by == "stored qualification"
    with opened(runtime="onnxruntime") as model:
        assert model.candidate.variant == "fp32"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"{", id="cut-off"),
        pytest.param(lambda raw: raw.replace(b'"edgetl.result/1"', b'"edgetl.result/9"'), id="other-schema"),
        pytest.param(lambda raw: raw.replace(b'"selected":"int8', b'"selected":"int4'), id="selected-of-nothing"),
    ],
)
def test_a_damaged_stored_qualification_counts_as_none(
    opened: Open, bundle: Bundle, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path = result_path(bundle, tmp_path / "cache", environment())
    path.parent.mkdir(parents=True)
    raw = msgspec.json.encode(_result(bundle, "int8-x86-vnni/onnxruntime/int8/1t"))
    assert damage(raw) != raw
    path.write_bytes(damage(raw))
    with opened() as model:
        assert model.chosen_by == "safest"


def test_a_result_of_another_bundle_is_refused(opened: Open, bundle: Bundle) -> None:
    with pytest.raises(InputError, match=r"the result is of bundle 'x' 00000.*make one with: edgetl qualify"):
        opened(result=msgspec.structs.replace(_result(bundle), bundle=BundleIdentity("x", 1, "0" * 64)))


def test_a_result_of_another_device_is_refused_and_the_difference_told(opened: Open, bundle: Bundle) -> None:
    other = msgspec.structs.replace(environment(), kernel="2.4.18")
    with pytest.raises(InputError, match=r"another device.*kernel was 2\.4\.18, is "):
        opened(result=msgspec.structs.replace(_result(bundle), environment=other))


def test_another_load_is_not_another_device(opened: Open, bundle: Bundle) -> None:
    busy = msgspec.structs.replace(environment(), load_average=99.0)
    result = msgspec.structs.replace(_result(bundle, "fp32/onnxruntime/fp32/1t"), environment=busy)
    with opened(result=result) as model:
        assert model.chosen_by == "result"


def test_a_failed_qualification_is_a_failed_gate(opened: Open, bundle: Bundle) -> None:
    with pytest.raises(GateFailed, match="selected nothing"):
        opened(result=_result(bundle, None))


def test_result_and_runtime_contradict_each_other(opened: Open, bundle: Bundle) -> None:
    with pytest.raises(InputError, match="contradict"):
        opened(result=_result(bundle), runtime="onnxruntime")


def test_threads_must_be_some(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="threads must be at least 1, got 0"):
        edgetl.open(bundle.path, cache_dir=tmp_path, threads=0)


def test_a_damaged_bundle_is_not_opened(opened: Open, bundle: Bundle) -> None:
    bundle.path.write_bytes(bundle.path.read_bytes()[:-1])
    with pytest.raises(BundleError):
        opened()


def test_every_kind_of_source_gives_the_same_prediction(opened: Open, pixels: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(_png(pixels))
    strided = np.repeat(np.repeat(pixels, 2, axis=0), 2, axis=1)[::2, ::2]
    with opened() as model:
        expected = model.predict(pixels)
        assert expected.label in ("empty", "crack", "dust")
        for source in (path, str(path), _png(pixels), Image.fromarray(pixels), strided):
            assert model.predict(source) == expected
        assert model.predict(pixels[:, :, ::-1], order="BGR") == expected


@pytest.mark.parametrize("many", [list, tuple, np.stack], ids=["list", "tuple", "array"])
def test_several_images_give_a_list(opened: Open, pixels: np.ndarray, many: Callable[..., Any]) -> None:
    other = 255 - pixels
    with opened() as model:
        assert model.predict(many([pixels, other])) == [model.predict(pixels), model.predict(other)]


def test_no_images_give_no_predictions(opened: Open) -> None:
    with opened() as model:
        assert model.predict([]) == []
        assert model.predict(np.zeros((0, 8, 8, 3), np.uint8)) == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("none.png", id="missing-file"),
        pytest.param(b"not an image", id="bytes"),
        pytest.param(np.zeros((8, 8, 3), np.float32), id="float"),
        pytest.param(np.zeros((8, 8, 4), np.uint8), id="four-channels"),
        pytest.param(None, id="none"),
        pytest.param({"image": np.zeros((8, 8, 3), np.uint8)}, id="mapping"),
    ],
)
def test_what_is_not_an_image_is_refused(opened: Open, source: Any) -> None:
    with opened() as model, pytest.raises(DataError):
        model.predict(source)


def test_a_closed_model_says_so(opened: Open, pixels: np.ndarray) -> None:
    model = opened()
    model.close()
    model.close()
    with pytest.raises(InputError, match=r"model 'cells' is closed; open it again with edgetl\.open"):
        model.predict(pixels)


def test_a_model_without_labels_gives_arrays(make_bundle: MakeBundle, pixels: np.ndarray, tmp_path: Path) -> None:
    path = make_bundle(labelled=False).path
    with edgetl.open(path, cache_dir=tmp_path / "cache", threads=1) as model:
        prediction = model.predict(pixels)
    assert list(prediction) == ["logits"]
    assert prediction["logits"].shape == (3,)


@dataclass
class Adder:
    """A runner of tensors: ``y = a + b``, ``(n, 2)`` each."""

    inputs: tuple[TensorSpec, ...] = (TensorSpec("a", "float32", (1, 2)), TensorSpec("b", "float32", (1, 2)))
    outputs: tuple[TensorSpec, ...] = (TensorSpec("y", "float32", (1, 2)),)

    def infer(self, feeds: Batch) -> dict[str, Array]:
        check_feeds(feeds, self.inputs)
        return {"y": feeds["a"] + feeds["b"]}

    def close(self) -> None:
        pass


@pytest.fixture
def adder(bundle: Bundle) -> edgetl.Model:
    manifest = msgspec.structs.replace(bundle.manifest, task="tensor", preprocess=None)
    return edgetl.Model(manifest, Choice(Candidate("fp32", "fake", "fp32", 1), "safest"), Adder())


def test_a_channel_order_for_tensors_is_refused(adder: edgetl.Model) -> None:
    with pytest.raises(InputError, match="order='BGR' is for arrays of pixels"):
        adder.predict({"a": np.ones(2, np.float32), "b": np.ones(2, np.float32)}, order="BGR")


def test_a_model_of_tensors_takes_one_sample_or_a_batch(adder: edgetl.Model) -> None:
    a, b = np.array([[1, 2], [3, 4]], np.float32), np.array([[10, 20], [30, 40]], np.float32)
    batch = adder.predict({"a": a, "b": b})
    assert [prediction["y"].tolist() for prediction in batch] == [[11, 22], [33, 44]]
    assert adder.predict({"a": a[1], "b": b[1]})["y"].tolist() == [33, 44]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param({"a": np.zeros(2, np.float32)}, id="one-missing"),
        pytest.param(np.zeros(2, np.float32), id="array-for-two-inputs"),
        pytest.param({"a": np.zeros(2), "b": np.zeros(2)}, id="dtype"),
        pytest.param({"a": np.zeros(3, np.float32), "b": np.zeros(3, np.float32)}, id="shape"),
        pytest.param({"a": np.zeros((2, 2), np.float32), "b": np.zeros((3, 2), np.float32)}, id="other-lengths"),
        pytest.param({}, id="nothing"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(adder: edgetl.Model, source: Any) -> None:
    with pytest.raises(Unsupported):
        adder.predict(source)


def test_the_cache_is_where_the_environment_says(tmp_path: Path) -> None:
    assert default_cache_dir({"EDGETL_CACHE": str(tmp_path / "a"), "XDG_CACHE_HOME": "/no"}) == tmp_path / "a"
    assert default_cache_dir({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "edgetl"


def test_a_cache_that_cannot_be_written_is_told_with_the_way_out(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cache_dir= or the environment variable EDGETL_CACHE"):
        edgetl.open(bundle.path, cache_dir=tmp_path / "file")
    with pytest.raises(InputError, match="EDGETL_CACHE"):
        default_cache_dir({"EDGETL_CACHE": str(tmp_path / "file")})


_ALONE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "timm", "onnx", "sklearn", "scipy", "click", "rich"}:
            raise ImportError(f"{name} must not be needed on a device")
sys.meta_path.insert(0, Refuse())
import edgetl
with edgetl.open(sys.argv[1], cache_dir=sys.argv[2], threads=1) as model:
    print(model.predict(sys.argv[3]).label)
"""


def test_a_device_needs_no_torch(bundle: Bundle, pixels: np.ndarray, opened: Open, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(_png(pixels))
    arguments = [sys.executable, "-c", _ALONE, str(bundle.path), str(tmp_path / "cache"), str(tmp_path / "x.png")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(arguments, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    with opened() as model:
        assert done.stdout.strip() == model.predict(pixels).label
