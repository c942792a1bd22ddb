"""Every runtime keeps the contract of ``Runner`` and ``Backend``; a new entry of ``BACKENDS`` is tested as it is."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from edgetl.device.probe.lasting import environment
from edgetl.errors import BackendError, MissingExtra, Unsupported
from edgetl.host.torch_runner import TorchRunner
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.tensors import TensorSpec

SIDE, CLASSES = 4, 3
WEIGHT = np.random.default_rng(0).normal(size=(SIDE * SIDE * 3, CLASSES)).astype(np.float32) / 255
Load = Callable[[int | None], Runner]


def write_model(path: Path, batch_name: str = "N") -> Path:
    """``uint8 (N, 4, 4, 3)`` to ``logits`` and, of the same values, ``again``."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["product"]),
            helper.make_node("Identity", ["product"], ["logits"]),
            helper.make_node("Identity", ["product"], ["again"]),
        ],
        "model",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [batch_name, SIDE, SIDE, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch_name, CLASSES]) for name in ("logits", "again")],
        [numpy_helper.from_array(WEIGHT, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


class Reference(torch.nn.Module):
    """What the ONNX model computes."""

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = image.flatten(1).float() @ torch.from_numpy(WEIGHT)
        return logits, logits


def images(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)


def backend(name: str) -> Backend:
    found: Backend = find(BACKENDS, name, "runtime")
    availability = found.probe()
    if not availability.available:
        pytest.skip(f"{name}: {availability.reason}")
    return found


@pytest.fixture(params=[*BACKENDS, "torch"])
def load(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Load]:
    """Loads the same model with a fixed or a free batch, on every runtime."""
    runners: list[Runner] = []

    def on_runtime(batch: int | None) -> Runner:
        options = LoadOptions(threads=1, batch=batch)
        found = backend(request.param)
        return found.load(found.build(write_model(tmp_path / "model.onnx"), options, None), options)

    def on_torch(batch: int | None) -> Runner:
        outputs = tuple(TensorSpec(name, "float32", (batch, CLASSES)) for name in ("logits", "again"))
        return TorchRunner(Reference(), (TensorSpec("image", "uint8", (batch, SIDE, SIDE, 3)),), outputs, threads=1)

    def load_one(batch: int | None) -> Runner:
        runners.append(on_torch(batch) if request.param == "torch" else on_runtime(batch))
        return runners[-1]

    yield load_one
    for runner in runners:
        runner.close()


INTERRUPTED = """
import gc, os, signal, sys
from pathlib import Path
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a script ignores it
options = LoadOptions(threads=1, batch=1)
backend = find(BACKENDS, sys.argv[1], "runtime")
runners = [backend.load(backend.build(Path(sys.argv[2]), options, None), options) for _ in range(2)]
while runners:
    runners.pop(0).close()
    gc.collect()
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture(params=list(BACKENDS))
def runtime(request: pytest.FixtureRequest) -> Backend:
    return backend(request.param)


def test_runner_declares_names_dtypes_and_shapes(load: Load) -> None:
    fixed, free = load(1), load(None)
    assert fixed.inputs == (TensorSpec("image", "uint8", (1, SIDE, SIDE, 3)),)
    assert free.inputs == (TensorSpec("image", "uint8", (None, SIDE, SIDE, 3)),)
    assert [(spec.name, spec.dtype) for spec in fixed.outputs] == [("logits", "float32"), ("again", "float32")]


def test_outputs_are_what_was_declared(load: Load) -> None:
    runner = load(1)
    outputs = runner.infer({"image": images(1)})
    assert list(outputs) == ["logits", "again"]
    assert all(array.shape == (1, CLASSES) and array.dtype == np.float32 for array in outputs.values())


def test_runner_computes_the_model(load: Load) -> None:
    expected = images(1).reshape(1, -1).astype(np.float32) @ WEIGHT
    np.testing.assert_allclose(load(1).infer({"image": images(1)})["logits"], expected, rtol=1e-4, atol=1e-4)


def test_a_batch_gives_what_single_samples_give(load: Load) -> None:
    single, batched = load(1), load(None)
    one_by_one = np.concatenate([single.infer({"image": images(5)[i : i + 1]})["logits"] for i in range(5)])
    np.testing.assert_allclose(batched.infer({"image": images(5)})["logits"], one_by_one, rtol=1e-4, atol=1e-4)


def test_outputs_survive_the_next_call(load: Load) -> None:
    runner = load(1)
    first = runner.infer({"image": images(1)})["logits"]
    kept = first.copy()
    runner.infer({"image": images(1, seed=2)})
    np.testing.assert_array_equal(first, kept)


def test_inputs_stay_as_they_were(load: Load) -> None:
    image = images(1)
    kept = image.copy()
    load(1).infer({"image": image})
    np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize("kind", ["read-only", "slice of a frame", "reversed channels"])
def test_inputs_may_lie_anyhow_in_memory(load: Load, kind: str) -> None:
    runner, image = load(1), images(1)
    if kind == "read-only":
        given = image.copy()
        given.flags.writeable = False
    elif kind == "slice of a frame":
        frame = np.zeros((1, 9, 9, 3), np.uint8)
        frame[:, 2:6, 3:7] = image
        given = frame[:, 2:6, 3:7]
    else:
        given = image[..., ::-1].copy()[..., ::-1]
    np.testing.assert_array_equal(runner.infer({"image": given})["logits"], runner.infer({"image": image})["logits"])


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        pytest.param({"picture": images(1)}, "model inputs are image; got picture", id="name"),
        pytest.param({}, "model inputs are image; got none", id="missing"),
        pytest.param({"image": images(1).astype(np.float32)}, "input 'image' is float32, expected uint8", id="dtype"),
        pytest.param({"image": images(1)[0]}, r"input 'image' has shape \(4, 4, 3\)", id="rank"),
        pytest.param({"image": images(2)}, r"input 'image' has shape \(2, 4, 4, 3\)", id="batch"),
    ],
)
def test_wrong_feeds_are_refused_by_name(load: Load, feeds: dict[str, np.ndarray], told: str) -> None:
    with pytest.raises(Unsupported, match=told):
        load(1).infer(feeds)


def test_a_closed_runner_says_so_and_closes_again(load: Load) -> None:
    runner = load(1)
    runner.close()
    runner.close()
    with pytest.raises(BackendError, match="closed; load the model again"):
        runner.infer({"image": images(1)})


def test_a_batch_of_any_name_can_be_fixed(runtime: Backend, tmp_path: Path) -> None:
    runner = runtime.load(write_model(tmp_path / "model.onnx", "some_batch"), LoadOptions(threads=1, batch=3))
    assert runner.inputs[0].shape == (3, SIDE, SIDE, 3)
    assert runner.infer({"image": images(3)})["logits"].shape == (3, CLASSES)


def test_a_damaged_model_is_a_backend_error_that_names_the_file(runtime: Backend, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(write_model(tmp_path / "model.onnx").read_bytes()[:150])
    with pytest.raises(BackendError, match=r"damaged\.onnx"):
        runtime.load(damaged, LoadOptions(threads=1))


def test_a_missing_file_is_a_backend_error(runtime: Backend, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"absent\.onnx"):
        runtime.load(tmp_path / "absent.onnx", LoadOptions(threads=1))


@pytest.mark.parametrize("name", BACKENDS)
def test_a_missing_package_says_how_to_install_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: Backend = find(BACKENDS, name, "runtime")
    monkeypatch.setitem(sys.modules, name, None)
    assert not found.probe().available
    assert f"pip install 'edgetl[{name}]'" in found.probe().reason
    with pytest.raises(MissingExtra, match=rf"pip install 'edgetl\[{name}\]'"):
        found.load(write_model(tmp_path / "model.onnx"), LoadOptions(threads=1))


def test_probe_states_the_version_without_importing(runtime: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == runtime.name]:
        monkeypatch.delitem(sys.modules, module)
    assert runtime.probe().version
    assert runtime.name not in sys.modules


def test_what_is_built_is_kept_and_computes_the_same(runtime: Backend, tmp_path: Path) -> None:
    model, options, cache = write_model(tmp_path / "model.onnx"), LoadOptions(threads=1), tmp_path / "cache"
    built = runtime.build(model, options, cache)
    written = {path: path.stat().st_ino for path in cache.rglob("*")} if cache.exists() else {}
    assert runtime.build(model, options, cache) == built
    assert {path: path.stat().st_ino for path in cache.rglob("*")} == written
    feeds = {"image": images(1)}
    ours, plain = runtime.load(built, options), runtime.load(model, options)
    assert (ours.inputs, ours.outputs) == (plain.inputs, plain.outputs)
    np.testing.assert_array_equal(ours.infer(feeds)["logits"], plain.infer(feeds)["logits"])


def test_what_is_built_depends_on_model_and_options(runtime: Backend, tmp_path: Path) -> None:
    model, cache = write_model(tmp_path / "model.onnx"), tmp_path / "cache"
    built = runtime.build(model, LoadOptions(threads=1), cache)
    if built == model:
        return  # nothing is built, so nothing can be mixed up
    assert runtime.build(model, LoadOptions(threads=1, batch=2), cache) != built
    assert runtime.build(write_model(tmp_path / "other.onnx", "B"), LoadOptions(threads=1), cache) != built


@pytest.mark.parametrize("isa", [(), ("avx2", "avx512_vnni", "avx512_bf16"), ("asimd", "asimddp", "bf16")])
def test_precisions_start_with_the_safe_one(runtime: Backend, isa: tuple[str, ...]) -> None:
    assert runtime.precisions("float", isa)[0] == "fp32"
    assert runtime.precisions("x86-vnni", isa)[0] == "int8"
    assert runtime.precisions("fp16", isa) == ("fp16",)
    assert runtime.precisions("bf16", isa) in ((), ("bf16",))


def test_every_precision_a_backend_proposes_loads(runtime: Backend, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model.onnx")
    for precision in runtime.precisions("float", environment().cpu.isa):
        runtime.load(model, LoadOptions(threads=1, precision=precision)).close()


def test_signal_after_all_runners_are_closed_reaches_python(runtime: Backend, tmp_path: Path) -> None:
    """A library that leaves a signal stack behind and unmaps it kills the process with SIGSEGV here."""
    command = [sys.executable, "-c", INTERRUPTED, runtime.name, str(write_model(tmp_path / "model.onnx"))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 130, (signal.Signals(-done.returncode) if done.returncode < 0 else "", done.stderr)
