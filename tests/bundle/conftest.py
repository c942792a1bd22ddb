from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import numpy as np
import pytest

from edgetl.artifact import Artifact, sha256_of
from edgetl.bundle import CalibrationSummary, Contents, Provenance, write_bundle
from edgetl.bundle.archive import layout, measure, write_archive
from edgetl.candidate import Variant
from edgetl.evaluation import ClassScore, Evaluation, Interval, Metrics
from edgetl.gates import Gates
from edgetl.golden import Golden
from edgetl.preprocess import Preprocess
from edgetl.tensors import TensorSpec

Repack = Callable[[dict[str, bytes]], Path]


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    """Two variants whose files are not really models: a bundle does not look inside."""
    folder = tmp_path / "made"
    folder.mkdir()
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 2)).astype(np.float32)
    models = {"fp32": folder / "a.onnx", "int8-x86-vnni": folder / "b.onnx"}
    models["fp32"].write_bytes(rng.bytes(700))
    models["int8-x86-vnni"].write_bytes(rng.bytes(300))
    return Contents(
        name="solar",
        version=2,
        task="classify",
        classes=("good", "défekt"),
        preprocess=Preprocess(4, 6),
        variants=(
            _variant("fp32", models["fp32"], "float"),
            _variant("int8-x86-vnni", models["int8-x86-vnni"], "x86-vnni"),
        ),
        models=models,
        gates=Gates(),
        golden=Golden(
            {"image": rng.integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)},
            {"fp32": {"logits": logits}, "int8-x86-vnni": {"logits": logits + 1}},
            (0, 1, 1),
            (b"first", b"second"),
        ),
        evaluations=(_evaluation("fp32"),),
        recipe_sha256="ab" * 32,
        provenance=Provenance(
            backbone="lite0",
            weights_sha256=None,
            method="linear-probe",
            data_sha256="cd" * 32,
            samples={"train": 5},
            calibration=CalibrationSummary(3, "ef" * 32, {"good": 2, "défekt": 1}),
            tools={"onnx": "1.2"},
            notes={"chosen": [1, 2.5, None, {"c": 1}]},
        ),
        card="# Solar cells\n",
    )


@pytest.fixture
def packed(contents: Contents, tmp_path: Path) -> Path:
    path = tmp_path / "solar.edgetl"
    write_bundle(path, contents)
    return path


@pytest.fixture
def files(packed: Path) -> dict[str, bytes]:
    """Every file of the bundle, as the standard library reads it."""
    with ZipFile(packed) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def repack(tmp_path: Path) -> Repack:
    """Pack any files soundly, with right CRCs, as someone would who means harm."""

    def pack(files: dict[str, bytes]) -> Path:
        path = tmp_path / "repacked.edgetl"
        with path.open("wb") as file:
            write_archive(file, layout({name: measure(content) for name, content in files.items()}), files)
        return path

    return pack


@pytest.fixture
def with_manifest(files: dict[str, bytes], repack: Repack) -> Callable[[Callable[[Any], None]], Path]:
    """A sound archive whose manifest was changed in place by a function."""

    def change(edit: Callable[[Any], None]) -> Path:
        manifest = msgspec.json.decode(files["manifest.json"])
        edit(manifest)
        return repack(files | {"manifest.json": msgspec.json.encode(manifest, order="sorted")})

    return change


def _variant(name: str, model: Path, rendering: str) -> Variant:
    image, logits = TensorSpec("image", "uint8", (None, 4, 6, 3)), TensorSpec("logits", "float32", (None, 2))
    precision = "fp32" if rendering == "float" else "int8"
    size = model.stat().st_size
    artifact = Artifact(model.name, "onnx", rendering, precision, (image,), (logits,), 10, 20, size, sha256_of(model))
    return Variant(name, artifact)


def _evaluation(variant: str) -> Evaluation:
    # 1 is a whole number on purpose: it must be spelled like any other float
    metrics = Metrics((Interval("accuracy", 1, (0.5, 1), 3),), (ClassScore("good", 2, 1, 1, 1),), ((1, 0), (0, 2)))
    return Evaluation(variant, "onnxruntime", metrics, "validation", None, ())
