"""Solar cells: how much of the test accuracy comes from photographs that look like one in training.

    python benchmarks/near_duplicates.py -o benchmarks/results/x86-vnni/near-duplicates.json

The linear probe of models/solar-cells on fresh stratified splits, once with photographs where they fall, and once with
those that look alike kept in one split (``near_duplicates = "group"``). The test sets differ, so the comparison is of
means. Accuracy is that of the float model.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import msgspec
import record
from labels import accuracy_of

from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_backbone
from edgetl.host.request import PrepareRequest
from edgetl.progress import Silent
from edgetl.recipe import read_recipe

FOLDER = Path(__file__).parents[1] / "models" / "solar-cells"


def accuracy(seed: int, near_duplicates: str, cache: Path, threads: int) -> float:
    recipe = read_recipe(FOLDER / "recipe.toml")
    data = msgspec.structs.replace(recipe.data, split_seed=seed, near_duplicates=near_duplicates)
    recipe = msgspec.structs.replace(recipe, data=data)
    request = PrepareRequest(recipe, FOLDER, cache / "out", cache, threads)
    material = load_material(request, Silent())
    context, adapted = adapt_backbone(request, material, Silent())
    found = accuracy_of(adapted, context, material.splits.open_test("benchmark"))
    print(seed, near_duplicates, f"{found:.4f}", file=sys.stderr, flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=601)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.splits)
    found = {
        how: [accuracy(seed, how, arguments.cache, arguments.threads) for seed in seeds] for how in ("report", "group")
    }
    means = {how: statistics.fmean(values) for how, values in found.items()}
    measured = {"mean_test_accuracy": means, "test_accuracy": found, "difference": means["report"] - means["group"]}
    return record.write(arguments.out, "near-duplicates, solar cells", "none: a finding, not a promise", measured, True)


if __name__ == "__main__":
    raise SystemExit(main())
