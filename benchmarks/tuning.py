"""What short training of a Q/DQ graph gains in the features' signal to noise, and how long a step takes.

    python benchmarks/tuning.py -o benchmarks/results/x86-vnni/tuning.json

Of EfficientNet-Lite0 with its trained weights on solar cells, and of the hard network on made-up pictures; rendered as
they are, and after all treatments. Of five images four calibrate and train, the fifth is judged by. Seconds are of this
machine with whatever else it does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hard_network
import onnx
import record
from gain import Subject, features, signal_to_noise_db
from suite_models import built
from treatments import photos

from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.treatments import of_graphs, of_renderings, treat
from edgetl.host.quantize.treatments.moments import IMAGES, collect_moments
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.plugins import RENDERINGS, TREATMENTS, find
from edgetl.tensors import Array

CALIBRATION = 64
"""Images that ranges are of; a training sees more."""
TIMED_STEPS = 6


@dataclass(frozen=True)
class Pupil:
    """A float graph and its rendering."""

    original: Path
    quantized: Path
    treated: bool


def lite0(folder: Path, count: int) -> tuple[Path, tuple[Array, ...]]:
    return built("efficientnet-lite0", folder), photos(count, 224)


def hard(folder: Path, count: int) -> tuple[Path, tuple[Array, ...]]:
    onnx.save(hard_network.hard_network(hard_network.Hardness(spread=30.0, outlier=3.0)), folder / "hard.onnx")
    return folder / "hard.onnx", tuple(hard_network.images(count))


NETWORKS = {"efficientnet-lite0": lite0, "hard-relu": hard}


def rendered(model: Path, images: tuple[Array, ...], rendering: str, folder: Path, treated: bool) -> Pupil:
    head = frozenset({"head"} & {node.name for node in read_graph(model).graph.node})
    original, out, settings = model, folder / f"{rendering}-{treated}.onnx", RenderSettings(head)
    if treated:
        original = folder / "treated.onnx"
        treat(model, of_graphs(TREATMENTS), images, original)
        moments = collect_moments(original, images[:IMAGES])
        settings = replace(settings, treatments=of_renderings(TREATMENTS), moments=moments)
    find(RENDERINGS, rendering, "rendering").render(original, calibrate(original, images), out, settings)
    return Pupil(original, out, treated)


def measured(pupil: Pupil, subject: Subject, reference: Array, settings: TuneSettings, timed: bool) -> dict[str, Any]:
    """Gain of one training, and seconds of a step in one thread and in two."""
    out = pupil.quantized.with_name("tuned.onnx")
    before_db = signal_to_noise_db(reference, features(pupil.quantized, subject))
    tuned = tune(pupil.original, pupil.quantized, subject.calibration, out, settings)
    after_db = signal_to_noise_db(reference, features(out, subject))
    print(pupil.quantized.stem, before_db, after_db, tuned.steps, round(tuned.seconds), file=sys.stderr, flush=True)
    found = {
        "treated": pupil.treated,
        "before_db": before_db,
        "after_db": after_db,
        "loss_before": tuned.loss_before,
        "loss_after": tuned.loss_after,
        "steps": tuned.steps,
        "changed": len(tuned.changed),
        "seconds": tuned.seconds,
    }
    if timed:
        found["step_s"] = {
            str(threads): step_s(pupil, subject, replace(settings, threads=threads)) for threads in (1, 2)
        }
    return found


def step_s(pupil: Pupil, subject: Subject, settings: TuneSettings) -> float | None:
    """Median of a few steps."""
    out, few = pupil.quantized.with_name("timed.onnx"), replace(settings, steps=TIMED_STEPS)
    return tune(pupil.original, pupil.quantized, subject.calibration[:32], out, few).step_s


def by_network(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="edgetl-tuning-") as scratch:
        folder = Path(scratch)
        model, images = NETWORKS[name](arguments.cache if name != "hard-relu" else folder, arguments.images)
        learnt = tuple(image for place, image in enumerate(images) if place % 5 != 4)
        subject = Subject(model, learnt, images[4::5], arguments.threads)
        reference = features(model, subject)
        settings = TuneSettings(arguments.budget, steps=arguments.steps, threads=arguments.threads)
        rows = []
        for treated in (False, True):
            pupil = rendered(model, learnt[:CALIBRATION], arguments.rendering, folder, treated)
            rows.append(measured(pupil, subject, reference, settings, timed=not treated))
        return {"images": {"trained": len(learnt), "judged": len(subject.held_back)}, "rows": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(NETWORKS), help="networks, by default all")
    parser.add_argument("--rendering", default="x86-vnni")
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--budget", type=float, default=900.0, help="seconds of each training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"), help="of exported networks")
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    networks: Mapping[str, Any] = {name: by_network(name, arguments) for name in arguments.names}
    rows = [row for network in networks.values() for row in network["rows"]]
    passed = all((row["after_db"] or 0.0) >= (row["before_db"] or 0.0) for row in rows)
    found = {"rendering": arguments.rendering, "batch": 8, "networks": networks}
    return record.write(arguments.out, "tuning of Q/DQ graphs", "no graph loses signal to noise", found, passed)


if __name__ == "__main__":
    raise SystemExit(main())
