"""What the command line costs: start-up of ``--help``, peak memory of ``predict``, and a second ``deploy``.

python benchmarks/command_line.py BUNDLE.edgetl IMAGE -o benchmarks/results/x86-vnni/command-line.json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import record

HELP_RATIO_MAX, MEMORY_MB_MAX = 3.0, 60.0
HEAVY = ("numpy", "rich", "onnxruntime", "openvino", "msgspec", "PIL")
BARE_LOOP = """
import sys
import numpy as np
from PIL import Image
path, image, runtime = sys.argv[1:4]
pixels = np.asarray(Image.open(image).convert("RGB").resize((int(sys.argv[5]), int(sys.argv[4]))))[None]
if runtime == "onnxruntime":
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(sys.argv[6])
    options.add_free_dimension_override_by_name("N", 1)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    run = lambda: session.run(None, {"image": pixels})
else:
    import openvino
    core = openvino.Core()
    model = core.read_model(path)
    model.reshape([1, *pixels.shape[1:]])
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": int(sys.argv[6]),
               "INFERENCE_PRECISION_HINT": "bf16" if sys.argv[7] == "bf16" else "f32"}
    compiled = core.compile_model(model, "CPU", options)
    run = lambda: compiled({"image": pixels})
for _ in range(10):
    run()
"""


LOADED = f"""
import sys
from edgetl.cli import run
run(["--help"])
sys.stderr.write(",".join(name for name in {HEAVY!r} if name in sys.modules))
"""


def seconds(command: list[str], times: int = 15) -> list[float]:
    found = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found.append(time.perf_counter() - start)
    return found


def peak_mb(command: list[str]) -> float:
    """Peak resident memory of a command, by the kernel's own account of the finished child."""
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{command} failed with status {status}")
    assert isinstance(usage, resource.struct_rusage)
    return usage.ru_maxrss / 1024


def help_cost() -> dict[str, object]:
    python = sys.executable
    times: dict[str, list[float]] = {"help": [], "click": []}
    for _ in range(5):
        times["help"] += seconds([python, "-m", "edgetl.cli", "--help"], 3)
        times["click"] += seconds([python, "-c", "import click"], 3)
    loaded = subprocess.run([python, "-c", LOADED], check=True, capture_output=True, text=True).stderr
    ratio = statistics.median(times["help"]) / statistics.median(times["click"])
    return {"ratio": ratio, "heavy_modules": loaded, "raw_seconds": times}


def memory_cost(bundle: Path, image: Path, cache: Path) -> dict[str, object]:
    from edgetl.bundle import Bundle
    from edgetl.device.model import open as open_model

    with open_model(bundle, cache_dir=cache) as model:
        candidate, preprocess = model.candidate, model.manifest.preprocess
    plain = Bundle.open(bundle).model(candidate.variant, cache)
    size = [str(preprocess.height), str(preprocess.width)] if preprocess else ["224", "224"]
    python = sys.executable
    loop = [
        python,
        "-c",
        BARE_LOOP,
        str(plain),
        str(image),
        candidate.runtime,
        *size,
        str(candidate.threads),
        candidate.precision,
    ]
    predict = [python, "-m", "edgetl.cli", "predict", str(bundle), str(image), "--json", "--cache", str(cache)]
    rows = [(peak_mb(predict), peak_mb(loop)) for _ in range(5)]
    ours, bare = (statistics.median(column) for column in zip(*rows, strict=True))
    return {"candidate": candidate.name, "predict_mb": ours, "bare_loop_mb": bare, "difference_mb": ours - bare}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        memory = memory_cost(arguments.bundle, arguments.image, arguments.cache or Path(folder))
    start = help_cost()
    measured = {"help": start, "memory": memory}
    passed = (
        start["ratio"] <= HELP_RATIO_MAX and not start["heavy_modules"] and memory["difference_mb"] <= MEMORY_MB_MAX
    )
    limit = f"--help <= {HELP_RATIO_MAX} x import click, predict <= bare loop + {MEMORY_MB_MAX:.0f} MB"
    return record.write(arguments.out, "command line", limit, json.loads(json.dumps(measured)), bool(passed))


if __name__ == "__main__":
    raise SystemExit(main())
