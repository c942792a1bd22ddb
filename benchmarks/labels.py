"""Accuracy against the number of labelled photographs: probe, fine-tuning, and the same network from random weights.

    python benchmarks/labels.py -o benchmarks/results/x86-vnni/labels.json

One stratified test split stays the same; of the other photographs, n are kept, drawn so that smaller sets lie inside
larger ones. A fifth of the n choose the epoch. Methods and options are those of the recipes in models/, but for what
makes seven sizes of three methods affordable: all of them see the photographs at ``--pixels``, and what is trained is
trained for ``--epochs``, or for ``--steps`` batches where these are more. Accuracy is that of the float model.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import record
import torch

from edgetl.host.adapt import AdaptContext, Adapted, Method
from edgetl.host.data.dataset import Sample
from edgetl.host.data.splits import split
from edgetl.host.data.stream import stream
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_context
from edgetl.host.request import PrepareRequest
from edgetl.plugins import METHODS, find
from edgetl.progress import Silent
from edgetl.recipe import read_recipe

MODELS = Path(__file__).parents[1] / "models"
RECIPES = {"linear-probe": "solar-cells", "finetune": "solar-cells-finetune", "scratch": "solar-cells-scratch"}
SIZES = (20, 50, 100, 200, 500, 1000, 1968)
SPLIT_SEED = 501


def nested(samples: tuple[Sample, ...], n: int) -> tuple[Sample, ...]:
    """``n`` samples, classes in proportion, so that those for a smaller ``n`` are among them."""
    rng = np.random.default_rng(0)
    placed = []
    for label in sorted({sample.label for sample in samples}):
        members = [sample for sample in samples if sample.label == label]
        order = rng.permutation(len(members))
        placed += [((rank + 0.5) / len(members), members[int(index)]) for rank, index in enumerate(order)]
    return tuple(sample for _, sample in sorted(placed, key=lambda entry: entry[0])[:n])


def one(method: str, n: int, cache: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    folder = MODELS / RECIPES[method]
    recipe = read_recipe(folder / "recipe.toml")
    data = msgspec.structs.replace(recipe.data, split_seed=SPLIT_SEED)
    preprocess = msgspec.structs.replace(recipe.backbone.preprocess, height=arguments.pixels, width=arguments.pixels)
    backbone = msgspec.structs.replace(recipe.backbone, preprocess=preprocess)
    recipe = msgspec.structs.replace(recipe, data=data, backbone=backbone)
    if method != "linear-probe":
        batch = int(recipe.adapt.options.get("batch", 16))
        epochs = max(arguments.epochs, -(-arguments.steps // max(int(0.8 * n) // batch, 1)))
        adapt = msgspec.structs.replace(recipe.adapt, options={**recipe.adapt.options, "epochs": epochs})
        recipe = msgspec.structs.replace(recipe, adapt=adapt)
    request = PrepareRequest(recipe, folder, cache / "out", cache, arguments.threads)
    material = load_material(request, Silent())
    test = material.splits.open_test("benchmark")
    rest = nested(tuple(sorted((*material.splits.train, *material.splits.validation), key=lambda s: s.sha256)), n)
    held = len(rest) // 5
    parts = [replace(s, split="validation" if i < held else "train") for i, s in enumerate(interleaved(rest))]
    parts += [replace(s, split="test") for s in test]
    splits = split(replace(material.audited.dataset, samples=tuple(parts)), data, 0)
    context = adapt_context(request, replace(material, splits=splits), Silent())
    began = time.perf_counter()
    found: Method = find(METHODS, method, "method")
    adapted = found.adapt(context)
    accuracy = accuracy_of(adapted, context, test)
    print(method, n, f"{accuracy:.4f}", f"{time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return {"method": method, "labels": n, "accuracy": accuracy, "test_photographs": len(test)}


def interleaved(samples: tuple[Sample, ...]) -> list[Sample]:
    """Classes in turn, so that a leading part has all of them."""
    classes = [[s for s in samples if s.label == label] for label in sorted({s.label for s in samples})]
    ranked = [((rank + 0.5) / len(members), s) for members in classes for rank, s in enumerate(members)]
    return [sample for _, sample in sorted(ranked, key=lambda entry: entry[0])]


def accuracy_of(adapted: Adapted, context: AdaptContext, test: tuple[Sample, ...]) -> float:
    workspace = context.workspace
    torch.set_num_threads(workspace.threads)
    weight, bias = torch.from_numpy(adapted.head.weight), torch.from_numpy(adapted.head.bias)
    right, pending = 0, []
    with torch.inference_mode():
        for image, sample in zip(stream(test, workspace.preprocess, threads=workspace.threads), test, strict=True):
            pending.append((image, sample.label))
            if len(pending) == 16 or sample is test[-1]:
                logits = adapted.trunk(torch.from_numpy(np.stack([i for i, _ in pending]))) @ weight.T + bias
                right += int((logits.argmax(dim=1) == torch.tensor([label for _, label in pending])).sum())
                pending = []
    return right / len(test)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"))
    parser.add_argument("--methods", nargs="+", default=sorted(RECIPES), choices=sorted(RECIPES))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--pixels", type=int, default=160)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rows = [one(method, n, arguments.cache, arguments) for n in arguments.sizes for method in arguments.methods]
    most = {row["method"]: row["accuracy"] for row in rows if row["labels"] == max(arguments.sizes)}
    passed = all(accuracy >= most.get("scratch", 0.0) for accuracy in most.values())
    limit = "with all labels, each way to transfer is at least as good as from scratch"
    curves = {
        method: ", ".join(f"{row['accuracy']:.3f} with {row['labels']}" for row in rows if row["method"] == method)
        for method in arguments.methods
    }
    measured = {
        **curves,
        "pixels": arguments.pixels,
        "epochs": arguments.epochs,
        "steps": arguments.steps,
        "curve": rows,
    }
    return record.write(arguments.out, "accuracy against labels, solar cells", limit, measured, passed)


if __name__ == "__main__":
    raise SystemExit(main())
