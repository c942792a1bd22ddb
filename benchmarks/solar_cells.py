"""Solar cells: fresh stratified test splits, accuracy of the chosen candidate on photos that nothing was chosen on.

    python benchmarks/solar_cells.py -o benchmarks/results/x86-vnni/solar-cells.json
    python benchmarks/solar_cells.py solar-cells-finetune --splits 3 \\
        -o benchmarks/results/x86-vnni/solar-cells-finetune.json

Every split is a whole deployment: prepare, qualify on this machine, then every test photo through ``edgetl.open`` with
the candidate that was chosen. Nothing is chosen on test photos. Latency is the ratio to ONNX Runtime fp32 with the
same threads, measured interleaved by ``qualify``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import msgspec
import record

import edgetl
from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.device.qualify import Settings, qualify
from edgetl.host.material import load_material
from edgetl.host.prepare import prepare
from edgetl.host.request import PrepareRequest
from edgetl.progress import Silent
from edgetl.recipe import Recipe, read_recipe
from edgetl.result import Result
from edgetl.target import LOCAL

MODELS = Path(__file__).parents[1] / "models"
RECIPES = sorted(path.parent.name for path in MODELS.glob("*/recipe.toml"))
LIMITS: dict[str, tuple[float, float | None]] = {"solar-cells": (0.87, 0.55), "solar-cells-finetune": (0.885, None)}
"""Least mean test accuracy, and most median latency over ONNX Runtime fp32; of other recipes what they expect."""


def limits_of(name: str) -> tuple[float | None, float | None]:
    expected = msgspec.json.decode((MODELS / name / "expected.json").read_bytes())
    return LIMITS.get(name, (expected["test_accuracy_min"], None))


def with_split(recipe: Recipe, seed: int) -> Recipe:
    return msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, split_seed=seed))


def one_split(recipe: Recipe, base: Path, cache: Path, threads: int) -> dict[str, Any]:
    out = cache / f"{recipe.name}-{recipe.data.split_seed}.edgetl"
    request = PrepareRequest(recipe, base, out, cache, threads)
    prepare(request, Lines())
    bundle = Bundle.open(request.out)
    report = bundle.manifest.provenance.notes["adapt"]
    result = qualify(bundle, LOCAL, Settings(effort="standard", cache_dir=cache), Silent())
    test = load_material(request, Silent()).splits.open_test("benchmark")
    with edgetl.open(request.out, result=result, cache_dir=cache) as model:
        predictions = [model.predict(sample.image) for sample in test]
    right = [prediction.index == sample.label for prediction, sample in zip(predictions, test, strict=True)]
    return {
        "split_seed": recipe.data.split_seed,
        "n": len(test),
        "chosen": result.selected,
        "accuracy": statistics.fmean(right),
        "ratio_to_onnxruntime_fp32": ratio(result),
        "training": {key: report[key] for key in ("start", "best_epoch", "curve") if key in report},
        "host_test_accuracy": {e.variant: e.test.headline.value for e in bundle.manifest.evaluations if e.test},
        "host_checks": {e.variant: [check.reason for check in e.checks] for e in bundle.manifest.evaluations},
        "rejected": {c.name: c.rejected_because for c in result.candidates if c.rejected_because},
    }


class Lines(Silent):
    """Remarks on stderr."""

    def note(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)


def ratio(result: Result) -> float | None:
    """Median latency of the chosen candidate over ONNX Runtime fp32 with the same threads."""
    if result.selected is None:
        return None
    chosen = result.candidate(result.selected)
    for other in result.candidates:
        same = other.runtime == "onnxruntime" and other.precision == "fp32" and other.threads == chosen.threads
        if same and other.latency and chosen.latency and other.latency.p50_ns and chosen.latency.p50_ns:
            return chosen.latency.p50_ns / other.latency.p50_ns
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("recipe", nargs="?", default="solar-cells", choices=RECIPES)
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=101)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    folder = MODELS / arguments.recipe
    recipe = read_recipe(folder / "recipe.toml")
    least, most = limits_of(arguments.recipe)
    rows = []
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.splits):
        rows.append(one_split(with_split(recipe, seed), folder, arguments.cache, arguments.threads))
        row = rows[-1]
        print(seed, row["chosen"], f"{row['accuracy']:.4f}", row["ratio_to_onnxruntime_fp32"], file=sys.stderr)
    accuracy = statistics.fmean(row["accuracy"] for row in rows)
    ratios = [row["ratio_to_onnxruntime_fp32"] for row in rows if row["ratio_to_onnxruntime_fp32"] is not None]
    median_ratio = statistics.median(ratios) if ratios else None
    measured = {
        "mean_test_accuracy": accuracy,
        "median_latency_ratio": median_ratio,
        "recipe_file_sha256": sha256_of(folder / "recipe.toml"),
        "splits": rows,
    }
    passed, limit = least is None or accuracy >= least, f"mean test accuracy >= {least}"
    if least is None:
        limit = "none: this recipe was not measured before"
    if most is not None:
        passed = passed and median_ratio is not None and median_ratio <= most
        limit += f", median latency <= {most} x ONNX Runtime fp32"
    return record.write(arguments.out, f"{arguments.recipe}, {len(rows)} fresh splits", limit, measured, passed)


if __name__ == "__main__":
    raise SystemExit(main())
