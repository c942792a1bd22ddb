"""What reading sensors meanwhile adds to a latency: blocks with and without the process that reads, in turn.

python benchmarks/telemetry.py MODEL_OR_BUNDLE -o benchmarks/results/x86-vnni/telemetry.json

The process reads a copy of the files of a Jetson board (three rails, eight zones, a clock for every CPU), since this
machine may have no sensor. It is started once and held (SIGSTOP) in the blocks without: starting Python is not reading.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import record
from board import Board

from edgetl.bundle import Bundle
from edgetl.device.bench.inputs import inputs_of
from edgetl.device.bench.subjects import Loaded, Wanted, load, subjects_of
from edgetl.device.bench.telemetry.recorder import recording
from edgetl.device.bench.timing.warm_up import time_calls
from edgetl.device.candidates import backends_of
from edgetl.samples.comparison import compare
from edgetl.samples.series import block_medians
from edgetl.target import LOCAL

SHARE_MAX = 0.01
BLOCK_S = 0.5
"""A reading is taken twice a second, so about one falls into each block."""


@dataclass(frozen=True)
class Blocks:
    """Samples in ns, block after block."""

    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]


def in_turn(loaded: Loaded, rounds: int, reader: int) -> tuple[Blocks, Blocks]:
    """With and without readings; who goes first turns with every round, and the first call of a block is dropped."""
    (call,) = loaded.calls(inputs_of([loaded], 0, {})[loaded.subject.name])
    typical_ns = sorted(time_calls(call, 50, time.perf_counter_ns))[25]
    size = max(20, round(BLOCK_S * 1e9 / typical_ns))
    found: dict[bool, list[int]] = {True: [], False: []}
    order = [True, False]
    for _ in range(rounds):
        for is_read in order:
            os.kill(reader, signal.SIGCONT if is_read else signal.SIGSTOP)
            call()
            found[is_read] += time_calls(call, size, time.perf_counter_ns)
        order.reverse()
    os.kill(reader, signal.SIGCONT)
    return Blocks(tuple(found[True]), (size,) * rounds), Blocks(tuple(found[False]), (size,) * rounds)


def measure(model: Path | Bundle, rounds: int, cache: Path, reader: int) -> list[dict[str, object]]:
    backends, wanted, rows = backends_of(LOCAL), Wanted(cache), []
    for subject in subjects_of([model], backends, wanted):
        (loaded, *_), refused = load([subject], backends, wanted, streams=1)
        if refused:
            raise SystemExit(str(refused))
        read, unread = in_turn(loaded, rounds, reader)
        loaded.close()
        found = compare(read, unread, paired=True, margin=SHARE_MAX)
        rows.append(
            {
                "candidate": subject.name,
                "ratio": found.ratio,
                "interval": [found.low, found.high],
                "outcome": found.outcome,
                "block_medians_ns": {
                    "with": block_medians(read.samples_ns, read.blocks).tolist(),
                    "without": block_medians(unread.samples_ns, unread.blocks).tolist(),
                },
            }
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--rounds", type=int, default=120)
    options = parser.parse_args()
    model = Bundle.open(options.model) if options.model.suffix == ".edgetl" else options.model
    with tempfile.TemporaryDirectory() as folder:
        with recording(root=str(Board().written(Path(folder) / "board"))) as recorder:
            if recorder.process_id is None:
                raise SystemExit(f"no process reads sensors: {recorder.telemetry.missing}")
            rows = measure(model, options.rounds, Path(folder), recorder.process_id)
        series = recorder.telemetry.series
    channels = len(series)
    if not channels:
        raise SystemExit(f"nothing was read: {recorder.telemetry.missing}")
    measured = {str(row["candidate"]): row["ratio"] for row in rows} | {"channels that are read": channels, "raw": rows}
    limit = f"latency with readings of sensors is equivalent to that without, within {SHARE_MAX:.0%}"
    return record.write(options.output, "telemetry", limit, measured, all(r["outcome"] == "equivalent" for r in rows))


if __name__ == "__main__":
    raise SystemExit(main())
