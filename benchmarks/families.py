"""Families of backbones from photos to a chosen candidate: what each gives, and how much of it is quantized.

    python benchmarks/families.py -o benchmarks/results/x86-vnni/families.json
    python benchmarks/families.py --method finetune -o benchmarks/results/x86-vnni/families-finetune.json

Plumbing, not accuracy: weights are random, images small and made up, so that a deployment takes a minute. Three
textures of different colours stay apart in random features, so 90 % is what a sound pipeline reaches and chance, a
third, is what a broken one does. Nothing is timed for the record; every family runs in a process of its own, whose
peak memory is kept.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import record
from peers.machine import rendering
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.device.bench.timing import Clock
from edgetl.device.qualify import Settings, qualify
from edgetl.errors import EdgeTLError
from edgetl.host.backbones import Backbone, load_backbone
from edgetl.host.graph import read_graph
from edgetl.host.prepare import prepare
from edgetl.host.quantize.coverage import Coverage, coverage
from edgetl.host.request import PrepareRequest
from edgetl.progress import Silent
from edgetl.recipe import Recipe, recipe_from_data
from edgetl.result import CandidateResult, Result
from edgetl.target import LOCAL

FAMILIES = {
    "tf_efficientnet_lite0": 64,
    "mobilenetv2_100": 64,
    "mobilenetv3_small_100": 64,
    "mobilenetv4_conv_small": 64,
    "resnet18": 64,
    "vgg11_bn": 64,
    "inception_v3": 96,
    "convnext_tiny": 64,
    "vit_tiny_patch16_224": 64,
}
"""One network of each family, and the side of its images here; Inception needs at least 75 pixels."""
ACCURACY_MIN = 0.9
RENDERING = rendering()
INT8 = f"int8-{RENDERING}"
PER_CLASS = 30
OPTIONS: dict[str, dict[str, Any]] = {
    "linear-probe": {},
    "finetune": {"head": "random", "epochs": 1, "batch": 8, "learning_rate": 1e-5, "head_learning_rate": 1e-2},
}
"""Each method as it is here: of fine-tuning a few steps, too few for an accuracy to be asked for."""
_HEIGHT, _WIDTH = 80, 96
_COLOURS = {"bars": (60, 90, 210), "checks": (60, 180, 80), "stripes": (220, 60, 50)}


@dataclass(frozen=True)
class Deployment:
    """One family from photos to a chosen candidate."""

    recipe: Recipe
    backbone: Backbone
    bundle: Bundle
    result: Result
    quantized: Coverage


def textures(folder: Path) -> Path:
    """Three class folders of striped, barred and chequered images, each class in its own colour with noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:_HEIGHT, :_WIDTH]
    for name, colour in _COLOURS.items():
        (folder / name).mkdir(parents=True)
        for index in range(PER_CLASS):
            frequency, phase = 2 * np.pi / rng.uniform(8, 14), rng.uniform(0, 2 * np.pi)
            across, along = np.sin(x * frequency + phase), np.sin(y * frequency + phase)
            wave = np.sign({"bars": along, "checks": across * along, "stripes": across}[name])
            pixels = colour + 40 * wave[..., None] + rng.normal(0, 25, (_HEIGHT, _WIDTH, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(folder / name / f"{index:02d}.png")
    return folder


def recipe_of(name: str, photos: Path, method: str) -> Recipe:
    """Random weights, small images; the bound on a drop is wide because there are few samples to judge it by.

    After a few steps of fine-tuning a network still guesses, and which guesses a quantized one changes is chance: no
    drop is too much then.
    """
    is_fitted = method == "linear-probe"
    side, least, drop = FAMILIES[name], ACCURACY_MIN if is_fitted else 0.0, 0.05 if is_fitted else 1.0
    return recipe_from_data(
        {
            "name": name,
            "data": {"source": str(photos)},
            "backbone": {"name": name, "weights": "random", "preprocess": {"height": side, "width": side}},
            "adapt": {"method": method, **OPTIONS[method]},
            "quantize": {"calibration": 32, "renderings": [RENDERING]},
            "gates": {"accuracy_min": least, "accuracy_drop_max": drop, "margin": 0.2},
        }
    )


def deployed(recipe: Recipe, folder: Path, clock: Clock = time.perf_counter_ns) -> Deployment:
    """Prepare and qualify in ``folder``, whose caches are used again; no time is kept, so nobody watches the machine.

    Args:
        clock: nanoseconds; how long timing takes is read from it.

    Raises:
        EdgeTLError: why the family cannot be deployed.
    """
    out, cache = folder / f"{recipe.name}.edgetl", folder / "cache"
    prepare(PrepareRequest(recipe, folder, out, cache, threads=2), Silent())
    bundle = Bundle.open(out)
    result = qualify(bundle, LOCAL, Settings("quick", cache, watch=None), Silent(), clock)
    quantized = coverage(read_graph(bundle.model(INT8, cache / "models")))
    return Deployment(recipe, load_backbone(recipe.backbone, folder, recipe.seed), bundle, result, quantized)


def outcome(candidate: CandidateResult, selected: str | None) -> str:
    """What became of a candidate, without what it measured: speed on a busy machine is for no record."""
    if candidate.name == selected:
        return "selected"
    if candidate.latency is not None and all(check.passed for check in candidate.checks):
        return "passed, another was faster"
    return f"rejected: {candidate.rejected_because}"


def described(one: Deployment) -> dict[str, Any]:
    """A deployment as the record keeps it."""
    sizes = {variant.name: variant.artifact.size_bytes / 1e6 for variant in one.bundle.manifest.variants}
    told = one.bundle.manifest.provenance.notes["adapt"]
    parity = {
        candidate.name: check.value
        for candidate in one.result.candidates
        for check in candidate.checks
        if check.name.startswith("parity of ")
    }
    return {
        "pixels": FAMILIES[one.recipe.name],
        "parameters": sum(parameter.numel() for parameter in one.backbone.module.parameters()),
        "features": one.backbone.features,
        "stages": [[stage.name, stage.channels, stage.reduction, stage.listed] for stage in one.backbone.stages],
        "float_mb": sizes["fp32"],
        "int8_mb": sizes[INT8],
        "layers_quantized": len(one.quantized.quantized),
        "layers_in_float": len(one.quantized.in_float),
        "share_quantized": one.quantized.share,
        "candidates": {c.name: outcome(c, one.result.selected) for c in one.result.candidates},
        "parity": parity,
        "plumbing_accuracy": {
            evaluation.variant: evaluation.selection.headline.value
            for evaluation in one.bundle.manifest.evaluations
            if evaluation.selection
        },
        "training": {key: told[key] for key in ("start", "curve", "best_epoch", "trained_values") if key in told},
        "selected": one.result.selected,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def one_family(name: str, method: str, photos: Path, folder: Path) -> dict[str, Any]:
    """What is recorded of a family; the reason, when it cannot be deployed."""
    try:
        return described(deployed(recipe_of(name, photos, method), folder))
    except EdgeTLError as error:
        return {"pixels": FAMILIES[name], "failed": str(error), "selected": None}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(FAMILIES), help="families, by default all")
    parser.add_argument("--method", default="linear-probe", choices=sorted(OPTIONS))
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    families: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="edgetl-families-") as name:
        folder = Path(name)
        photos = textures(folder / "photos")
        # a process for each family, so that its peak of memory is its own
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
            for family in arguments.names:
                families[family] = processes.submit(one_family, family, arguments.method, photos, folder).result()
                print(family, families[family]["selected"], families[family].get("failed", ""), file=sys.stderr)
    deployable = sum(row["selected"] is not None for row in families.values())
    measured = {"deployed": deployable, "of": len(families), "weights": "random (plumbing, not accuracy)"}
    return record.write(
        arguments.out,
        "families of backbones" if arguments.method == "linear-probe" else f"families of backbones, {arguments.method}",
        "every family is deployed",
        {**measured, "families": families},
        deployable == len(families),
    )


if __name__ == "__main__":
    raise SystemExit(main())
