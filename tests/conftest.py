"""What holds for every test: with EDGETL_REQUIRE=all, a test that cannot run is a failure."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.artifact import Artifact, sha256_of
from edgetl.bundle import Contents, Provenance, write_bundle
from edgetl.candidate import Variant
from edgetl.check import Check
from edgetl.environment import Cpu, Environment
from edgetl.evaluation import Evaluation, Interval, Metrics
from edgetl.gates import Gates
from edgetl.golden import Golden
from edgetl.preprocess import Preprocess
from edgetl.result import BundleIdentity, CandidateResult, Cold, Latency, Result
from edgetl.tensors import TensorSpec


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("EDGETL_REQUIRE") == "all":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason} (EDGETL_REQUIRE=all: a skip is a failure)"


@dataclass(frozen=True)
class Subject:
    """What reports need of a manifest."""

    name: str
    version: int
    variants: tuple[Variant, ...]
    evaluations: tuple[Evaluation, ...]


@pytest.fixture
def subject() -> Subject:
    """Two variants, of which the int8 one loses half a point."""
    return Subject(
        "solar-cells",
        3,
        (
            Variant("fp32", _artifact("float", "fp32", 13_600_000)),
            Variant("int8", _artifact("x86-vnni", "int8", 4_100_000)),
        ),
        (_evaluation("fp32", 0.877), _evaluation("int8", 0.872)),
    )


@pytest.fixture
def result() -> Result:
    """A run in which OpenVINO on the int8 graph won, and ONNX Runtime on it missed parity."""
    candidates = (
        _candidate("fp32/onnxruntime/fp32/2t", "float", 6_500_000, "slower than the chosen one (2.10 x)"),
        _candidate("int8/openvino/int8/2t", "x86-vnni", 3_100_000, None),
        _candidate("int8/onnxruntime/int8/2t", "x86-vnni", None, "parity: 3.2 is above the limit of 1"),
    )
    return Result(
        "edgetl.result/1",
        "0.1.0",
        BundleIdentity("solar-cells", 3, "ab" * 32),
        "local",
        "standard",
        _environment(),
        candidates,
        "int8/openvino/int8/2t",
        True,
    )


@pytest.fixture(scope="session")
def hasty() -> Callable[[], int]:
    """Nanoseconds of a clock that runs 20 times as fast: timing by it is soon over, and what is faster stays so."""
    return lambda: 20 * time.perf_counter_ns()


TINY_CLASSES = ("dark", "light")
TINY_SIDE = 4


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real bundle whose model says whether an image is light."""
    folder = tmp_path_factory.mktemp("tiny")
    model = _write_lightness_model(folder / "fp32.onnx")
    images = np.random.default_rng(0).integers(0, 256, (32, TINY_SIDE, TINY_SIDE, 3), dtype=np.uint8)
    light = (images.astype(np.float32).mean(axis=(1, 2, 3)) - 127.5)[:, None]
    logits = np.concatenate([-light, light], axis=1).astype(np.float32)
    labels = tuple(int(label) for label in logits.argmax(axis=1))
    encoded = tuple(_png(image) for image in images[:2])
    specs = (
        (TensorSpec("image", "uint8", (None, TINY_SIDE, TINY_SIDE, 3)),),
        (TensorSpec("logits", "float32", (None, 2)),),
    )
    size = model.stat().st_size
    artifact = Artifact("models/fp32.onnx", "onnx", "float", "fp32", *specs, 96, 0, size, sha256_of(model))
    contents = Contents(
        name="tiny",
        version=1,
        task="classify",
        classes=TINY_CLASSES,
        preprocess=Preprocess(TINY_SIDE, TINY_SIDE),
        variants=(Variant("fp32", artifact),),
        models={"fp32": model},
        gates=Gates(margin=0.2),
        golden=Golden({"image": images}, {"fp32": {"logits": logits}}, labels, encoded),
        evaluations=(_evaluation("fp32", 0.9),),
        recipe_sha256="0" * 64,
        provenance=Provenance("none", None, "linear-probe", None, {"train": 100}, None, {"edgetl": "0"}, {}),
        card="# tiny\n",
    )
    write_bundle(folder / "tiny.edgetl", contents)
    return folder / "tiny.edgetl"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A light image."""
    path = tmp_path / "new-photo.jpg"
    Image.new("RGB", (32, 24), (250, 240, 230)).save(path)
    return path


def _png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def _write_lightness_model(path: Path) -> Path:
    import onnx  # slow, and few tests need it
    from onnx import TensorProto, helper, numpy_helper

    weight = np.array([[-1.0, 1.0]], np.float32).repeat(3 * TINY_SIDE**2, axis=0) / (3 * TINY_SIDE**2)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "lightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", TINY_SIDE, TINY_SIDE, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.float32([127.5, -127.5]), "bias")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def _artifact(rendering: str, precision: str, size_bytes: int) -> Artifact:
    image = TensorSpec("image", "uint8", (None, 224, 224, 3))
    logits = TensorSpec("logits", "float32", (None, 2))
    file = f"models/{rendering}.onnx"
    return Artifact(
        file, "onnx", rendering, precision, (image,), (logits,), 770_000_000, size_bytes, size_bytes, "cd" * 32
    )


def _evaluation(variant: str, accuracy: float) -> Evaluation:
    score = Interval("balanced accuracy", accuracy, (accuracy - 0.03, accuracy + 0.025), 656)
    checks = (Check("accuracy drop", 0.005, 0.005, "fraction", True, n=1968),)
    return Evaluation(variant, "onnxruntime", Metrics((score,)), "validation", Metrics((score,)), checks)


def _candidate(name: str, rendering: str, p50_ns: int | None, rejected: str | None) -> CandidateResult:
    variant, runtime, precision, threads = name.split("/")
    parity = Check("parity", 3.2 if p50_ns is None else 0.2, 1.0, "", p50_ns is not None, "largest error", 256)
    return CandidateResult(
        name,
        variant,
        rendering,
        precision,
        runtime,
        int(threads[:-1]),
        (parity,),
        None if p50_ns is None else Interval("accuracy", 0.88, (0.84, 0.92), 256),
        None if p50_ns is None else _latency(p50_ns),
        None,
        None if p50_ns is None else Cold(1_000_000, 80_000_000, 9_000_000, 150_000_000, 400_000_000),
        4_100_000,
        rejected,
    )


def _latency(p50_ns: int) -> Latency:
    p90_ns = p50_ns + 400_000
    samples = (*(p50_ns,) * 4, p90_ns) * 20
    return Latency("infer", 100, p50_ns, p90_ns, None, None, None, p50_ns, p90_ns, 30, True, samples, (50, 50))


def _environment() -> Environment:
    cpu = Cpu("Example CPU", "x86_64", ("avx512_vnni",), 2, 2)
    return Environment("Linux", "6.1", "3.11.7", "0.1.0", cpu, 24 << 30, None, None, {"onnxruntime": "1.31"})


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two class folders of 48 x 48 photos that even a random network can tell apart."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    stripes = np.where(np.arange(48) % 8 < 4, 70, -70)[None, :, None]
    for name, pattern in (("flat", 0), ("striped", stripes)):
        (folder / name).mkdir()
        for index in range(60):
            pixels = 128 + pattern + rng.normal(0, 45, (48, 48, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name / f"{index:03d}.png")
    return folder
