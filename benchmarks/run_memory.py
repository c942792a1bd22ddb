"""What a sustained run's numbers take in memory, without the half hour: made-up samples and readings, judged for real.

python benchmarks/run_memory.py

Does what `edgetl bench -o FILE.json` does once the last sample is taken, in a process that has imported what the
command imports, and tells how far its peak rose. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
from array import array
from pathlib import Path

from edgetl.cli import bench as _command  # noqa: F401, what the command imports is no part of the rise
from edgetl.cli.tables import render
from edgetl.device.bench.judgement import Found, Run, candidate_result
from edgetl.device.bench.subjects import Timeable
from edgetl.device.bench.telemetry.stream import Opened, decode, encode, lines_of
from edgetl.device.bench.timing import Timed
from edgetl.device.bench.timing.rounds import SAMPLES_MAX
from edgetl.device.bench.watch import Watch
from edgetl.device.probe import environment, machine_state
from edgetl.report.benchmark import benchmark
from edgetl.report.result_files import write_result
from edgetl.result import SCHEMA, BundleIdentity, Result
from edgetl.runner import LoadOptions
from edgetl.scenario import SINGLE_STREAM
from edgetl.telemetry import Channel, Quantity, Telemetry

READINGS, PERIOD_NS = 3600, 500_000_000
CHANNELS: dict[Quantity, int] = {"power": 10, "temperature": 20, "frequency": 20}
"""As many as the largest boards have."""
BLOCKS = 1000
SPAN_NS = READINGS * PERIOD_NS
FIRST_NS = 10**14


class Read:
    """What a recorder is once its process has ended."""

    process_id = None

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            decoded = decode(lines_of(file))
        self.telemetry = Telemetry(PERIOD_NS, () if decoded is None else decoded[1])


def write_readings(path: Path, rng: random.Random) -> None:
    """As the process that reads sensors writes them; values tremble, so that few are equal."""
    channels = [Channel("made-up", f"cpu{place}", name) for name, count in CHANNELS.items() for place in range(count)]
    with path.open("wb") as file:
        file.write(encode(Opened((tuple(channels),), ())))
        for place in range(READINGS):
            values = tuple(round(rng.gauss(40, 4), 3) for _ in channels)
            file.write(encode((0, FIRST_NS + place * PERIOD_NS, values)))


def timed(samples: int, rng: random.Random) -> Timed:
    """A run of half an hour."""
    each, wall_ns = samples // BLOCKS, SPAN_NS // BLOCKS
    found = array("q", (round(rng.lognormvariate(15.4, 0.03)) for _ in range(each * BLOCKS)))
    return Timed(
        samples_ns=tuple(found),
        blocks=(each,) * BLOCKS,
        warmup=100,
        steady=True,
        block_starts_ns=tuple(FIRST_NS + place * wall_ns for place in range(BLOCKS)),
        block_walls_ns=(wall_ns,) * BLOCKS,
        block_items=(each,) * BLOCKS,
    )


def judged(times: Timed, recorder: Read, model: Path) -> Result:
    """As :func:`edgetl.device.bench.models.bench_subjects` makes it."""
    ends = iter((FIRST_NS, FIRST_NS, FIRST_NS + SPAN_NS))
    watch = Watch(machine_state(model.parent), recorder, lambda: next(ends), model.parent)  # type: ignore[arg-type]
    watch.begin()
    watch.end()
    subject = Timeable("onnxruntime", model, "", "float", "onnxruntime", LoadOptions(1), None)
    run = Run(SINGLE_STREAM, "sustained", {}, watch, frozenset())
    candidate = candidate_result(subject, Found({}, {subject.name: times}, {}), run)
    return Result(
        schema=SCHEMA,
        edgetl_version="0",
        bundle=BundleIdentity("made-up", None, ""),
        target="local",
        effort="sustained",
        environment=environment(),
        candidates=(candidate,),
        selected=subject.name,
        passed=True,
        scenario=SINGLE_STREAM,
        state=watch.state,
        telemetry=watch.telemetry,
        comparisons=(),
    )


def peak_mb() -> float:
    """Of this process since :func:`forget_peak`."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """The peak is what is used now."""
    Path("/proc/self/clear_refs").write_text("5")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=SAMPLES_MAX)
    options = parser.parse_args()
    rng, found = random.Random(0), {}
    with tempfile.TemporaryDirectory() as folder:
        readings, model, out = (Path(folder) / name for name in ("readings", "model.onnx", "result.json"))
        model.touch()
        write_readings(readings, rng)
        environment()  # asked for long before, too
        forget_peak()
        before = peak_mb()
        times = timed(options.samples, rng)
        found["samples_mb"] = peak_mb() - before
        recorder = Read(readings)
        found["readings_mb"] = peak_mb() - before
        result = judged(times, recorder, model)
        found["result_mb"] = peak_mb() - before
        write_result(out, result)
        found["written_mb"] = peak_mb() - before
        with Path(os.devnull).open("w") as nowhere:
            render(benchmark(result), nowhere)
    rise_mb = peak_mb() - before
    readings_taken = sum(len(one.values) for one in recorder.telemetry.series)
    told = {"samples": len(times.samples_ns), "readings": readings_taken, "rise_mb": rise_mb, "by_step": found}
    print(json.dumps(told, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
