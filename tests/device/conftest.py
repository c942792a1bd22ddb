"""Small real models and bundles, made with onnx."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgetl.artifact import Artifact, sha256_of
from edgetl.bundle import Bundle, Contents, Provenance, write_bundle
from edgetl.candidate import Variant
from edgetl.check import Check
from edgetl.evaluation import Evaluation, OtherRuntime
from edgetl.gates import Gates
from edgetl.golden import Golden
from edgetl.plugins import BACKENDS, find
from edgetl.preprocess import Preprocess
from edgetl.runner import LoadOptions
from edgetl.tensors import TensorSpec

SIDE = 8
CLASSES = ("empty", "crack", "dust")


def write_classifier(path: Path, seed: int) -> Path:
    """``uint8 (N, 8, 8, 3)`` to logits ``(N, 3)``."""
    random = np.random.default_rng(seed)
    weight = random.normal(size=(3 * SIDE * SIDE, len(CLASSES))).astype(np.float32) / 255
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["logits"]),
        ],
        "classifier",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(CLASSES)])],
        [numpy_helper.from_array(weight, "weight")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    return write_classifier(tmp_path / "classifier.onnx", seed=0)


MakeBundle = Callable[..., Bundle]


@pytest.fixture
def make_bundle(tmp_path: Path) -> MakeBundle:
    """A bundle of a float and a second variant; keywords change what a test is about.

    ``int8_reference_seed`` is of the host's own runtime only; in other ones the host computed what the graph computes.
    ``rendering`` is of the second one; ``x86`` runs on every x86 CPU.
    """

    def make(
        gates: Gates | None = None,
        int8_reference_seed: int = 1,
        host_checks: tuple[Check, ...] = (),
        labelled: bool = True,
        n: int = 96,
        encoded: int = 4,
        spoil: Callable[[Path], object] = lambda model: None,
        other_runtimes: tuple[OtherRuntime, ...] = (),
        rendering: str = "x86-vnni",
    ) -> Bundle:
        models = {
            "fp32": write_classifier(tmp_path / "fp32.onnx", 0),
            "int8-x86-vnni": write_classifier(tmp_path / "i8.onnx", 1),
        }
        images = np.random.default_rng(5).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)
        other = write_classifier(tmp_path / "other.onnx", int8_reference_seed)
        references = {"fp32": _outputs(models["fp32"], images), "int8-x86-vnni": _outputs(other, images)}
        others = {one.runtime: _outputs(models["int8-x86-vnni"], images) for one in other_runtimes}
        spoil(models["fp32"])
        labels = tuple(int(label) for label in references["fp32"]["logits"].argmax(axis=1)) if labelled else ()
        contents = Contents(
            name="cells",
            version=1,
            task="classify" if labelled else "tensor",
            classes=CLASSES,
            preprocess=Preprocess(SIDE, SIDE),
            variants=(
                _variant("fp32", models["fp32"], "float", "fp32"),
                _variant("int8-x86-vnni", models["int8-x86-vnni"], rendering, "int8"),
            ),
            models=models,
            gates=gates or Gates(margin=0.05),
            golden=Golden(
                {"image": images},
                references,
                labels,
                _encoded(images[:encoded]),
                {"int8-x86-vnni": others} if others else {},
            ),
            evaluations=(
                Evaluation(
                    "int8-x86-vnni", "onnxruntime", None, "none", None, host_checks, other_runtimes=other_runtimes
                ),
            ),
            recipe_sha256="0" * 64,
            provenance=Provenance("tiny", None, "linear-probe", None, {}, None, {}, {}),
            card="A test.",
        )
        write_bundle(tmp_path / "cells.edgetl", contents)
        return Bundle.open(tmp_path / "cells.edgetl")

    return make


def _outputs(model: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    runner = find(BACKENDS, "onnxruntime", "runtime").load(model, LoadOptions(threads=1, batch=None))
    try:
        return runner.infer({"image": images})
    finally:
        runner.close()


def _variant(name: str, path: Path, rendering: str, precision: str) -> Variant:
    image = TensorSpec("image", "uint8", (None, SIDE, SIDE, 3))
    logits = TensorSpec("logits", "float32", (None, len(CLASSES)))
    size = path.stat().st_size
    artifact = Artifact(
        f"models/{name}.onnx", "onnx", rendering, precision, (image,), (logits,), 1, 1, size, sha256_of(path)
    )
    return Variant(name, artifact)


def _encoded(images: np.ndarray) -> tuple[bytes, ...]:
    files = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return tuple(files)
