"""Medians of `edgetl bench` beside OpenVINO's benchmark_app and a plain ONNX Runtime loop, in turn, in fresh processes.

python benchmarks/agreement.py BUNDLE.edgetl -o benchmarks/results/x86-vnni/agreement.json

benchmark_app's clock runs inside C++ and leaves out what a call from Python takes around it, which EdgeTL counts. A
loop around OpenVINO's own Python interface, setting a new tensor for each inference, reads both clocks; the difference
is added to benchmark_app's median before the two are compared. The median as printed is recorded beside it.

Models: each variant of the bundle; ResNet-18, exported by torch alone; and the network of the package ``magika``
(``pip install --no-deps magika``), which nothing here made. benchmark_app runs as its authors advise for latency
(``-hint latency -api sync``), in fp32 and with inputs set for every inference (``-inference_only=false``) as EdgeTL
does here. All are bound to one CPU: on a shared machine, processes
with a thread on each CPU differ by a third from one start to the next, whichever tool times them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import record

from edgetl.bundle import Bundle

SHARE_MAX, DIFFERENCE_MAX_NS = 0.03, 50_000
SECONDS = 2
COMPARED = ("benchmark_app", "openvino_loop", "plain_loop")
PLAIN_LOOP = """
import statistics, sys, time
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
free = {node.shape[0] for node in session.get_inputs() if isinstance(node.shape[0], str)}
for name in free:
    options.add_free_dimension_override_by_name(name, 1)
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
kinds = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int32)": "int32"}
random = np.random.default_rng(0)
feeds = {node.name: (random.random(node.shape) * (255 if "uint8" in node.type else 1)).astype(kinds[node.type])
         for node in session.get_inputs()}
times = []
begin = time.perf_counter()
while time.perf_counter() - begin < 1:
    session.run(None, feeds)
begin = time.perf_counter()
while time.perf_counter() - begin < float(sys.argv[2]):
    start = time.perf_counter_ns()
    session.run(None, feeds)
    times.append(time.perf_counter_ns() - start)
print(statistics.median(times))
"""


OPENVINO_LOOP = """
import statistics, sys, time
import numpy as np, openvino
core = openvino.Core()
settings = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
model = core.read_model(sys.argv[1])
model.reshape([int(size) for size in sys.argv[3].split(",")])
request = core.compile_model(model, "CPU", settings).create_infer_request()
tensor = request.get_input_tensor()
random = np.random.default_rng(0)
kind = tensor.element_type.to_dtype()
feed = (random.random(tuple(tensor.shape)) * (255 if kind == np.uint8 else 1)).astype(kind)
outside, inside = [], []
begin = time.perf_counter()
while time.perf_counter() - begin < 1 + float(sys.argv[2]):
    start = time.perf_counter_ns()
    request.set_input_tensor(0, openvino.Tensor(feed, shared_memory=True))
    request.infer(share_outputs=True)
    result = request.get_output_tensor(0).data.copy()
    taken = time.perf_counter_ns() - start
    if time.perf_counter() - begin > 1:
        outside.append(taken)
        inside.append(request.latency * 1e6)
print(statistics.median(outside), statistics.median(a - b for a, b in zip(outside, inside)))
"""


@dataclass(frozen=True)
class Model:
    """A plain ONNX file, and the shape of its only input with a batch of one."""

    name: str
    path: Path
    shape: tuple[int, ...]


def models(bundle: Path, folder: Path) -> tuple[Model, ...]:
    import onnx  # shapes only

    opened = Bundle.open(bundle)
    paths = {variant.name: opened.model(variant.name, folder) for variant in opened.manifest.variants}
    paths |= {"resnet18 (torch)": resnet18(folder / "resnet18.onnx"), "magika (package)": magika()}
    found = []
    for name, path in paths.items():
        sizes = onnx.load(path, load_external_data=False).graph.input[0].type.tensor_type.shape.dim
        found.append(Model(name, path, (1, *(size.dim_value for size in sizes[1:]))))
    return tuple(found)


def resnet18(path: Path) -> Path:
    """Random weights: the time does not depend on them."""
    import timm
    import torch

    network = timm.create_model("resnet18", pretrained=False).eval()
    torch.onnx.export(network, (torch.zeros(1, 3, 224, 224),), path, dynamo=True, external_data=False, verbose=False)
    return path


def magika() -> Path:
    found = importlib.util.find_spec("magika")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the package magika is not installed; pip install --no-deps magika")
    return next(Path(found.submodule_search_locations[0]).glob("models/*/model.onnx"))


def ours(model: Model, runtime: str, cache: Path) -> float:
    """Median of `edgetl bench`, in ns."""
    out = cache / "result.json"
    options = ["--runtime", runtime, "--threads", "1", "--precision", "fp32", "--effort", "quick"]
    output([sys.executable, "-m", "edgetl.cli", "bench", str(model.path), *options, "--cache", str(cache), "-o", out])
    (candidate,) = json.loads(out.read_text())["candidates"]
    return float(candidate["latency"]["p50_ns"])


def benchmark_app(model: Model) -> float:
    """Median of benchmark_app, in ns; it prints two digits after the point, of ms or us."""
    program = Path(sys.executable).with_name("benchmark_app")
    options = ["-d", "CPU", "-api", "sync", "-hint", "latency", "-inference_only=false", "-infer_precision", "f32"]
    shape = ",".join(map(str, model.shape))
    words = [program, "-m", model.path, *options, "-shape", f"[{shape}]", "-t", SECONDS]
    found = re.search(r"Median:\s+([\d.]+) (ms|us)", output(words))
    if found is None:
        raise SystemExit(f"benchmark_app told no median of {model.name}")
    return float(found[1]) * (1e6 if found[2] == "ms" else 1e3)


def plain_loop(model: Model) -> float:
    """Median of a loop around ONNX Runtime, in ns."""
    return float(output([sys.executable, "-c", PLAIN_LOOP, model.path, SECONDS]))


def openvino_loop(model: Model, left_out: list[float]) -> float:
    """Median of a loop around OpenVINO, in ns; what benchmark_app's clock would leave out of it is appended."""
    shape = ",".join(map(str, model.shape))
    outside, difference = output([sys.executable, "-c", OPENVINO_LOOP, model.path, SECONDS, shape]).split()
    left_out.append(float(difference))
    return float(outside)


def output(words: list[object]) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"{words[0]} ended with exit code {done.returncode}: {done.stderr[-2000:]}{done.stdout[-2000:]}"
        )
    return done.stdout


def in_turn(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Medians of every tool, which run one after the other; each order is followed by its reverse."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for _ in range(rounds):
        for name in order:
            found[name].append(calls[name]())
        order.reverse()
    return found


def agreement(mine: list[float], other: list[float]) -> dict[str, object]:
    """Median over rounds of the ratio within each, its 95 % bootstrap interval, and whether the two agree.

    Rounds are compared each by itself, because the machine has two speeds, a fifth apart, and changes between them.
    """
    first, second = np.array(mine), np.array(other)
    ratios = first / second
    chosen = np.random.default_rng(0).integers(0, len(ratios), (10_000, len(ratios)))
    ratio, difference = float(np.median(ratios)), float(np.median(first - second))
    return {
        "ratio": ratio,
        "interval": [float(edge) for edge in np.percentile(np.median(ratios[chosen], axis=1), [2.5, 97.5])],
        "difference_us": difference / 1e3,
        "median_us": statistics.median(other) / 1e3,
        "agrees": abs(ratio - 1) <= SHARE_MAX or abs(difference) <= DIFFERENCE_MAX_NS,
    }


def measure(model: Model, rounds: int, cache: Path) -> dict[str, object]:
    left_out: list[float] = []
    found = in_turn(
        {
            "edgetl, openvino": lambda: ours(model, "openvino", cache),
            "benchmark_app": lambda: benchmark_app(model),
            "openvino loop": lambda: openvino_loop(model, left_out),
            "edgetl, onnxruntime": lambda: ours(model, "onnxruntime", cache),
            "plain loop": lambda: plain_loop(model),
        },
        rounds,
    )
    outside = statistics.median(left_out)
    return {
        "model": model.name,
        "benchmark_app": agreement(found["edgetl, openvino"], [one + outside for one in found["benchmark_app"]]),
        "benchmark_app as printed": agreement(found["edgetl, openvino"], found["benchmark_app"]),
        "openvino_loop": agreement(found["edgetl, openvino"], found["openvino loop"]),
        "plain_loop": agreement(found["edgetl, onnxruntime"], found["plain loop"]),
        "outside_benchmark_apps_clock_us": outside / 1e3,
        "medians_ns": found,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--rounds", type=int, default=14)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        raw = [measure(one, options.rounds, Path(folder)) for one in models(options.bundle, Path(folder))]
    measured: dict[str, object] = {}
    for row in raw:
        for tool in (*COMPARED, "benchmark_app as printed"):
            measured[f"{row['model']} / {tool}"] = row[tool]["ratio"]
    passed = all(row[tool]["agrees"] for row in raw for tool in COMPARED)
    limit = f"median within {SHARE_MAX:.0%} or {DIFFERENCE_MAX_NS // 1000} us of the other tool's, at the same scope"
    return record.write(options.output, "agreement with other tools", limit, {**measured, "raw": raw}, passed)


if __name__ == "__main__":
    raise SystemExit(main())
