"""Feature extraction beside torch eager: the same trunk, images and CPUs, interleaved blocks.

python benchmarks/features.py -o benchmarks/results/x86-vnni/features.json
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import record
import torch

from edgetl.host.backbones import load_backbone, trunk
from edgetl.host.cache import Cache
from edgetl.host.data.source import open_source
from edgetl.host.export import optimise, to_onnx
from edgetl.host.graph import write_graph
from edgetl.host.inference import Crew, collect, fastest
from edgetl.recipe import read_recipe

SPEEDUP_MIN = 5.0
RECIPE = Path(__file__).parents[1] / "models" / "solar-cells" / "recipe.toml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    recipe, folder = read_recipe(RECIPE), Path("build/benchmark-cache")
    folder.mkdir(parents=True, exist_ok=True)
    backbone = load_backbone(recipe.backbone, RECIPE.parent, recipe.seed)
    preprocess = recipe.backbone.preprocess or backbone.preprocess
    samples = open_source(recipe.data.source, RECIPE.parent).samples[: arguments.images]
    images = tuple(preprocess.apply(sample.image) for sample in samples)
    options = recipe.adapt.options
    module = trunk(backbone, tuple(options["stages"]), tuple(options["pooling"]))
    model, _ = optimise(to_onnx(module, preprocess), images[:4], folder)
    write_graph(model, folder / "trunk.onnx")
    engine = fastest(folder / "trunk.onnx", "fp32", images[0], Crew.many(arguments.threads), Cache(folder))
    torch.set_num_threads(arguments.threads)

    def eager() -> np.ndarray:
        with torch.inference_mode():
            return np.concatenate([module(torch.from_numpy(image[None])).numpy() for image in images])

    def ours() -> np.ndarray:
        (features,) = collect(engine, images, arguments.threads).values()
        return features

    difference = float(np.abs(eager() - ours()).max())
    times: dict[str, list[float]] = {"torch": [], "ours": []}
    for turn in range(arguments.rounds):
        order = (("torch", eager), ("ours", ours)) if turn % 2 == 0 else (("ours", ours), ("torch", eager))
        for name, call in order:
            start = time.perf_counter()
            call()
            times[name].append((time.perf_counter() - start) / len(images))
    speedup = statistics.median(times["torch"]) / statistics.median(times["ours"])
    measured = {
        "speedup": speedup,
        "runtime": engine.runtime,
        "largest_difference": difference,
        "images_per_block": len(images),
        "ours_includes": "loading the graph into one runner per CPU, once a block",
        "raw_seconds_per_image": times,
    }
    passed = speedup >= SPEEDUP_MIN and difference < 1e-2
    return record.write(arguments.out, "feature extraction", f">= {SPEEDUP_MIN} x torch eager", measured, passed)


if __name__ == "__main__":
    raise SystemExit(main())
