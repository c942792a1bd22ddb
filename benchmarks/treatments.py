"""What each treatment of quantization gains in the features' signal to noise, by network and rendering.

    python benchmarks/treatments.py -o benchmarks/results/x86-vnni/treatments.json

Each treatment alone, and all of them one upon the other in the order of their table. Two of three images calibrate, the
third is judged by: solar cells for networks made for photos, made-up pictures for the hard ones. EfficientNet-Lite0 has
its trained weights, the others random ones. Seconds are of this machine with whatever else it does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import hard_network
import msgspec
import onnx
import record
from gain import Gain, Subject, features, gains, signal_to_noise_db
from suite_models import built

from edgetl.host.data.source import open_source
from edgetl.host.data.stream import stream
from edgetl.host.graph import read_graph
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.treatments import treat
from edgetl.host.quantize.treatments.moments import IMAGES, collect_moments
from edgetl.plugins import RENDERINGS, TREATMENTS, find
from edgetl.recipe import read_recipe
from edgetl.tensors import Array

RECIPE = Path(__file__).parents[1] / "models" / "solar-cells" / "recipe.toml"
TARGETS = ("x86-vnni", "x86", "tensorrt")
DEFAULT = RenderSettings().treatments
HARD_DB_MIN = 20.0
"""What all treatments together must make of the hard networks, whose features have no signal without."""
EQUAL_DB_MIN = 80.0
"""1e-4 of the features, as a ratio of sums of squares."""


def photos(count: int, side: int) -> tuple[Array, ...]:
    recipe = read_recipe(RECIPE)
    samples = open_source(recipe.data.source, RECIPE.parent).samples
    assert recipe.backbone.preprocess is not None
    preprocess = msgspec.structs.replace(recipe.backbone.preprocess, height=side, width=side)
    return tuple(stream(samples[:: len(samples) // count][:count], preprocess, threads=2))


def from_suite(name: str) -> Callable[[Path, int], Subject]:
    def subject(folder: Path, count: int) -> Subject:
        model = built(name, folder)
        side = read_graph(model).graph.input[0].type.tensor_type.shape.dim[1].dim_value
        return divided(model, photos(count, side))

    return subject


def made_hard(hardness: hard_network.Hardness) -> Callable[[Path, int], Subject]:
    def subject(folder: Path, count: int) -> Subject:
        path = folder / f"hard-{'relu6' if hardness.is_clipped else 'relu'}.onnx"
        onnx.save(hard_network.hard_network(hardness), path)
        return divided(path, tuple(hard_network.images(count)))

    return subject


def divided(model: Path, images: tuple[Array, ...]) -> Subject:
    held_back = images[2::3]
    calibration = tuple(image for place, image in enumerate(images) if place % 3 != 2)
    return Subject(model, calibration, held_back, threads=2)


NETWORKS: Mapping[str, Callable[[Path, int], Subject]] = {
    "efficientnet-lite0": from_suite("efficientnet-lite0"),
    "mobilenetv3-small": from_suite("mobilenetv3-small"),
    "hard-relu": made_hard(hard_network.Hardness()),
    "hard-relu6": made_hard(hard_network.Hardness(is_clipped=True)),
}


def measured(subject: Subject) -> dict[str, Any]:
    """Of one network: whether it stays equal in float, seconds, and gains by rendering."""
    reference, seconds = features(subject.model, subject), {}
    with tempfile.TemporaryDirectory(prefix="edgetl-treatments-") as folder:
        equal = Path(folder) / "equal.onnx"
        begin = time.perf_counter()
        treat(subject.model, ("equalise",), subject.calibration, equal, subject.threads)
        seconds["equalise"] = time.perf_counter() - begin
        in_float_db = signal_to_noise_db(reference, features(equal, subject))
    begin = time.perf_counter()
    collect_moments(subject.model, subject.calibration[:IMAGES], subject.threads)
    seconds["moments"] = time.perf_counter() - begin
    head = frozenset({"head"} & {node.name for node in read_graph(subject.model).graph.node})
    return {
        "images": {"calibration": len(subject.calibration), "held_back": len(subject.held_back)},
        "equalised_in_float_db": in_float_db,
        "seconds": seconds,
        "renderings": {name: by_rendering(subject, name, RenderSettings(head)) for name in TARGETS},
    }


def by_rendering(subject: Subject, name: str, settings: RenderSettings) -> dict[str, Any]:
    rendering = find(RENDERINGS, name, "rendering")
    alone = {one: told(gains(subject, rendering, (one,), settings)[0]) for one in TREATMENTS}
    together = [told(gain) for gain in gains(subject, rendering, tuple(TREATMENTS), settings)]
    without = gains(subject, rendering, tuple(name for name in TREATMENTS if name != "equalise"), settings)[-1]
    found = {
        "none_db": together[0]["before_db"],
        "default_db": alone[DEFAULT[0]]["after_db"],
        "all_but_equalise_db": without.after_db,
        "all_db": together[-1]["after_db"],
    }
    print(name, {key: None if value is None else round(value, 1) for key, value in found.items()}, file=sys.stderr)
    return {**found, "alone": alone, "together": together}


def told(gain: Gain) -> dict[str, Any]:
    return {
        "treatment": gain.treatment,
        "layers": len(gain.layers),
        "before_db": gain.before_db,
        "after_db": gain.after_db,
        "reason": gain.reason,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(NETWORKS), help="networks, by default all")
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"), help="of exported networks")
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    networks = {}
    for name in arguments.names:
        print(name, file=sys.stderr)
        networks[name] = measured(NETWORKS[name](arguments.cache, arguments.images))
    rows = [row for name in networks if name.startswith("hard") for row in networks[name]["renderings"].values()]
    is_rescued = all((row["all_db"] or 0.0) >= HARD_DB_MIN for row in rows)
    is_equal = all((one["equalised_in_float_db"] or EQUAL_DB_MIN) >= EQUAL_DB_MIN for one in networks.values())
    limit = f"hard networks end at >= {HARD_DB_MIN:.0f} dB; equalised float graphs differ by <= -{EQUAL_DB_MIN:.0f} dB"
    found = {"weights": {"efficientnet-lite0": "trained", "others": "random"}, "networks": networks}
    return record.write(arguments.out, "treatments of quantization", limit, found, is_rescued and is_equal)


if __name__ == "__main__":
    raise SystemExit(main())
