"""What CPUs without VNNI make of an int8 graph: decisions and saturated products, emulated and by the real kernels.

python benchmarks/saturation.py build/solar-cells.edgetl -o benchmarks/results/x86-vnni/saturation.json

A bundle is judged on its golden samples, a plain ONNX file (one input of images) on random ones, without accuracy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import older_cpu
import record

from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.errors import Unsupported
from edgetl.host.graph import read_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.quantize.saturation import bounds, executor, share
from edgetl.host.quantize.saturation.compute import Kernels
from edgetl.tensors import Array

RUNTIMES: tuple[Kernels, ...] = ("onnxruntime", "openvino")
AGREEMENT_MIN = 0.97
"""Share of decisions in which the emulation agrees with the real kernels. Integer sums are the same; a runtime's other
nodes round some elements differently in a whole graph than in a part of it, and close decisions fall."""


@dataclass(frozen=True)
class Subject:
    """A graph and what it is run on."""

    model: Path
    images: Array
    labels: Array | None
    floats: Path | None
    """The float graph it was made from."""
    sha256: str
    """Of the bundle or file."""
    recipe_sha256: str | None
    """Of what the bundle was made by."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path, help="a bundle, or an int8 ONNX file")
    parser.add_argument("--variant", help="of the bundle; its first int8 one if not given")
    parser.add_argument("--images", type=int, default=200, help="at most")
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgetl-saturation-") as folder:
        one = subject(arguments.model, arguments.variant, arguments.images, Path(folder))
        measured, passed = compare(one, Path(folder))
    name = f"saturation without VNNI, {arguments.model.stem}"
    limit = f"emulated decisions agree with the real kernels' on >= {AGREEMENT_MIN:.0%}"
    return record.write(arguments.out, name, limit, measured, passed)


def subject(path: Path, variant: str | None, count: int, folder: Path) -> Subject:
    if path.suffix == ".onnx":
        shape = tuple(dimension.dim_value for dimension in read_graph(path).graph.input[0].type.tensor_type.shape.dim)
        return Subject(
            path,
            np.random.default_rng(0).integers(0, 256, (count, *shape[1:]), np.uint8),
            None,
            None,
            sha256_of(path),
            None,
        )
    bundle = Bundle.open(path)
    golden, made = bundle.golden(), bundle.manifest.variants
    name = variant or next((one.name for one in made if one.artifact.precision == "int8"), None)
    if name is None:
        raise Unsupported(f"bundle {str(path)!r} has no int8 graph; prepare one whose int8 graph passes its gates")
    floats = next((bundle.model(one.name, folder) for one in made if one.artifact.precision == "fp32"), None)
    (images,) = golden.inputs.values()
    labels = np.array(golden.labels[:count]) if bundle.manifest.task == "classify" else None
    model, recipe = bundle.model(name, folder), bundle.manifest.recipe_sha256
    return Subject(model, images[:count], labels, floats, bundle.sha256, recipe)


def compare(one: Subject, folder: Path) -> tuple[dict[str, Any], bool]:
    """Every way to compute the graph, and how the decisions differ."""
    start, model = time.perf_counter(), read_graph(one.model)
    shares = share.saturated_share(one.model, one.images)
    seconds = (time.perf_counter() - start) / len(one.images)
    outputs = {
        "exact": executor.collect(one.model, one.images, "vnni"),
        **{f"emulated, {name}": executor.collect(one.model, one.images, "avx2", name) for name in RUNTIMES},
        **{f"VNNI hidden, {name}": really(one, name, folder) for name in RUNTIMES},
        **{f"as it is, {name}": older_cpu.computed(one.model, one.images, name) for name in RUNTIMES},
        "exact sums, onnxruntime": collect(Engine(one.model, "onnxruntime", "int8"), one.images, 1),
    }
    if one.floats is not None:
        outputs["float"] = collect(Engine(one.floats, "onnxruntime"), one.images, 1)
    decisions = {name: next(iter(found.values())).argmax(-1) for name, found in outputs.items()}
    agreement = {
        name: float((decisions[f"emulated, {name}"] == decisions[f"VNNI hidden, {name}"]).mean()) for name in RUNTIMES
    }
    measured = {
        "sha256": one.sha256,
        "recipe_sha256": one.recipe_sha256,
        "images": len(one.images),
        "proven_for": list(bounds.proven_for(model)),
        "agreement_with_real_kernels": agreement,
        "ways": {name: _described(name, decisions, outputs, one.labels) for name in outputs},
        "saturated_share": sum(layer.saturated for layer in shares) / max(1, sum(layer.sums for layer in shares)),
        "emulation_seconds_per_image": seconds,
        "raw_layers": _layers(shares, bounds.pair_bounds(model)),
    }
    return measured, min(agreement.values()) >= AGREEMENT_MIN


def really(one: Subject, runtime: str, folder: Path) -> dict[str, Array]:
    """The kernels that the runtime has for CPUs with AVX2 alone, in a process of their own."""
    np.save(folder / "images.npy", one.images)
    words = [older_cpu.__file__, one.model, folder / "images.npy", folder / "outputs.npz", "--runtime", runtime]
    subprocess.run([sys.executable, *map(str, words)], check=True)
    with np.load(folder / "outputs.npz") as found:
        return dict(found)


def _described(
    name: str, decisions: dict[str, Array], outputs: dict[str, dict[str, Array]], labels: Array | None
) -> dict[str, float | None]:
    exact, found = (next(iter(outputs[which].values())) for which in ("exact", name))
    return {
        "accuracy": None if labels is None else float((decisions[name] == labels).mean()),
        "flips_against_exact": float((decisions[name] != decisions["exact"]).mean()),
        "flips_against_float": None
        if "float" not in decisions
        else float((decisions[name] != decisions["float"]).mean()),
        "largest_difference_from_exact": float(np.abs(found - exact).max()),
    }


def _layers(
    shares: tuple[share.SaturatedShare, ...], possible: tuple[bounds.PairBound, ...]
) -> list[dict[str, str | float | None]]:
    return [
        {
            "layer": one.layer,
            "saturated_share": one.share,
            "possible_share": bound.share,
            "largest_error_steps": one.largest_error_steps,
        }
        for one, bound in zip(shares, possible, strict=True)
    ]


if __name__ == "__main__":
    raise SystemExit(main())
