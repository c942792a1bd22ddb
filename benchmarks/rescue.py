"""What every rung of the ladder makes of networks that quantization fails on: loss, time ratio, and what it costs.

    python benchmarks/rescue.py -o benchmarks/results/x86-vnni/rescue.json

Each network is prepared whole, with a search of all rungs and gates of one point. Losses are against the float network,
which is right on every image (:mod:`hard_task`); time is that of the graph by that of float on this machine, where it
is the rendering's target. These networks are tiny, so their time tells little of larger ones. Seconds to make and
judge each graph are of this machine with whatever else it does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import record
from hard_network import Hardness
from hard_task import HardTask, hard_task, logits
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.host.ladder.attempts import Kept, Outcome
from edgetl.host.prepare_onnx import prepare_onnx
from edgetl.ladder import Attempt, Ladder
from edgetl.progress import Silent
from edgetl.report.ladder import in_words, ladders_from

NETWORKS = {"hard-relu": Hardness(), "hard-relu6": Hardness(is_clipped=True)}
RENDERINGS = ("x86-vnni", "tensorrt")
POINT = 0.01


def measured(hardness: Hardness, count: int) -> dict[str, Any]:
    """Of one network, by rendering."""
    with tempfile.TemporaryDirectory(prefix="edgetl-rescue-") as scratch:
        task = hard_task(Path(scratch), hardness, count)
        return {name: prepared(task, name, Path(scratch) / name) for name in RENDERINGS}


def prepared(task: HardTask, rendering: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    asked = task.request(folder / "hard.edgetl", {"renderings": (rendering,), "search": "all"})
    begin = time.perf_counter()
    prepare_onnx(asked, Silent())
    seconds, bundle = time.perf_counter() - begin, Bundle.open(asked.common.out)
    (ladder,) = ladders_from(bundle.manifest.provenance.notes)
    shipped = {one.name: lost(bundle, one.name, task, folder) for one in bundle.manifest.variants}
    print(rendering, ladder.chosen, shipped, f"{seconds:.0f} s", file=sys.stderr)
    return {
        "seconds": seconds,
        "lost_by_shipped_on_all_images": shipped,
        "in_words": in_words(ladder),
        "chosen": ladder.chosen,
        "passed": ladder.passed,
        "front": ladder.front,
        "rungs": rungs(ladder, folder / "cache"),
    }


def rungs(ladder: Ladder, cache: Path) -> list[dict[str, Any]]:
    """Every attempt, with the seconds that it took to make and judge it."""
    seconds = {}
    for path in (cache / "ladder").glob("[!.]*.json"):
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        if bytes(kept.value).startswith(b"{"):
            seconds[msgspec.json.decode(kept.value, type=Outcome).attempt.name] = kept.seconds
    return [{**row(one), "seconds": seconds[one.name]} for one in ladder.attempts]


def row(one: Attempt) -> dict[str, Any]:
    return {
        "name": one.name,
        "loss": None if one.check is None else one.check.value,
        "time_ratio": one.time_ratio,
        "int8_share": one.int8_share,
        "passed": one.passed,
        "in_float": len(one.in_float),
        "gained": {treatment.name: treatment.gained for treatment in one.treatments},
    }


def lost(bundle: Bundle, variant: str, task: HardTask, folder: Path) -> float:
    """Fraction of all images that a shipped graph gets wrong."""
    paths = sorted(task.data.rglob("*.png"))
    names = sorted({path.parent.name for path in paths})
    wanted = [names.index(path.parent.name) for path in paths]
    pictures = np.stack([np.asarray(Image.open(path)) for path in paths])
    return float(np.mean(logits(bundle.model(variant, folder / "graphs"), pictures).argmax(1) != wanted))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=1200, help="of which half is kept")
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    networks = {name: measured(hardness, arguments.images) for name, hardness in NETWORKS.items()}
    rows = [row for network in networks.values() for row in network.values()]
    is_rescued = all(row["passed"] for row in rows)
    is_near = all(loss <= POINT for row in rows for loss in row["lost_by_shipped_on_all_images"].values())
    limit = "every int8 graph passes, and what ships loses at most a point on all images"
    return record.write(arguments.out, "rescue by the ladder", limit, {"networks": networks}, is_rescued and is_near)


if __name__ == "__main__":
    raise SystemExit(main())
