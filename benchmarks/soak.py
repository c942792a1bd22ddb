"""Half an hour of `edgetl bench --effort sustained`: what the harness takes beside the runtime, in memory.

python benchmarks/soak.py -o benchmarks/results/x86-vnni/soak.json

The model takes microseconds, so that there are many samples. How many of the 40,000 that a run may keep are left
depends on the mood of the machine: what the others would have taken is added.
Sensors are files of a made-up board whose values change every second, since this machine may have none. Memory is the
peak of the process that measures and of the one that reads sensors, less a loop with the same runtime and model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import record
from board import Board
from onnx import TensorProto, helper, numpy_helper

from edgetl.device.bench.timing.rounds import SAMPLES_MAX

LIMIT_MB = 50.0
SAMPLE_BYTES = 90
"""What one more sample takes: by run_memory.py, 40,000 took 1.3 MB more than 25,000."""
BOARD = Board(zones=27, rails=3, cpus=20)
"""As much as the recorder says that it holds in 2 MB."""
WIDTH = 64
BENCH = """
import functools, sys
from edgetl.cli import main
from edgetl.device.bench import watch
watch.recording = functools.partial(watch.recording, root=sys.argv.pop(1))
sys.exit(main())
"""
"""The command as it is, but for where sensors are."""
BARE_LOOP = """
import sys, time
import numpy as np, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feeds = {"x": np.zeros((1, 64), np.float32)}
end = time.monotonic() + 10
while time.monotonic() < end:
    session.run(None, feeds)
print(open("/proc/self/status").read())
"""


def tiny(path: Path) -> Path:
    """One matrix product."""
    weight = np.random.default_rng(0).normal(size=(WIDTH, WIDTH)).astype(np.float32)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, WIDTH]) for name in ("x", "y")]
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "tiny", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def peak_mb(status: str) -> float:
    """Of ``/proc/PID/status``."""
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def sensor_process(parent: int) -> int | None:
    """The child that reads sensors."""
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if b"edgetl.device.bench.telemetry" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    return None


def measured(command: list[str], board: Path) -> tuple[float, list[float]]:
    """Peak in MB of a process, by the kernel when it ended; and those of its sensor process, seen once a second."""
    sensors: list[float] = []
    rng = random.Random(0)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        try:
            child = sensor_process(process.pid)
            if child is not None:
                sensors.append(peak_mb(Path(f"/proc/{child}/status").read_text()))
        except (OSError, ValueError):
            pass  # ended between two looks
        BOARD.told(board, rng)
        time.sleep(1)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"edgetl bench ended with exit code {process.returncode}")
    return usage.ru_maxrss / 1024, sensors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--effort", default="sustained")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model, result = tiny(Path(folder) / "tiny.onnx"), Path(folder) / "result.json"
        bare = subprocess.run([sys.executable, "-c", BARE_LOOP, model], capture_output=True, text=True, check=True)
        words = ["--effort", options.effort, "--runtime", "onnxruntime", "--threads", "1", "--cache", folder]
        begin = time.monotonic()
        board = BOARD.written(Path(folder) / "board")
        command = [sys.executable, "-c", BENCH, str(board), "bench", str(model), *words, "-q", "-o", str(result)]
        bench_mb, sensors = measured(command, board)
        minutes = (time.monotonic() - begin) / 60
        told = json.loads(result.read_text())
        (candidate,), series = told["candidates"], told["telemetry"]["series"]
    loop_mb, samples = peak_mb(bare.stdout), candidate["latency"]["n"]
    harness_mb = bench_mb + max(sensors) - loop_mb
    found = {
        "harness_mb": harness_mb,
        "with_most_samples_mb": harness_mb + (SAMPLES_MAX - samples) * SAMPLE_BYTES / 2**20,
        "bench_mb": bench_mb,
        "sensors_mb": max(sensors),
        "bare_loop_mb": loop_mb,
        "minutes": minutes,
        "samples": samples,
        "channels": len(series),
        "readings": min((len(one["values"]) for one in series), default=0),
        "verdict": candidate["validity"]["verdict"],
    }
    passed = found["with_most_samples_mb"] <= LIMIT_MB and len(series) == BOARD.channels
    most = f"as with {SAMPLES_MAX:,} samples, and {BOARD.channels} channels"
    limit = f"bench + sensors - bare loop <= {LIMIT_MB:.0f} MB, {most}"
    return record.write(options.output, "soak", limit, found, passed)


if __name__ == "__main__":
    raise SystemExit(main())
