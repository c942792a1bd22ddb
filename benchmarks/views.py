"""Whether a head that is fitted again needs every view from the int8 trunk, or has the float trunk's features of them.

    python benchmarks/views.py -o benchmarks/results/x86-avx2/views.json --rendering x86

Of the recipes in models/ that probe solar cells, and of the first int8 graph of the ladder. Heads are fitted to that
graph's features of all views, to those of the images as they are with the float trunk's features of the other views,
and to those of the images as they are alone. Each is judged out of fold on the int8 graph's features of the images as
they are. Seconds to compute these features are of this machine with whatever else it does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import record

from edgetl.host.adapt import AdaptContext, Adapted
from edgetl.host.adapt.linear_probe import mixed_head, probe_head, scale_for, share_of_noise, trunk_features
from edgetl.host.features import GraphFeatures
from edgetl.host.judge import jury_for
from edgetl.host.ladder import Ascent
from edgetl.host.ladder.attempts import written
from edgetl.host.ladder.rungs import first_rungs
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_backbone
from edgetl.host.refit import FeatureGraph
from edgetl.host.request import PrepareRequest
from edgetl.host.variants import calibration, float_variant
from edgetl.progress import Silent
from edgetl.recipe import read_recipe

MODELS = Path(__file__).parents[1] / "models"
RECIPES = ("solar-cells", "solar-cells-lite1", "solar-cells-lite2")
ALL, MIXED, FIRST = "all views by int8", "others by float", "images as they are"
LOSS_MAX = 0.005
"""By how much log loss may be higher where float features stand for the other views."""


def one(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """A row for each head of a recipe's first int8 graph."""
    folder = MODELS / name
    cache = arguments.cache
    request = PrepareRequest(read_recipe(folder / "recipe.toml"), folder, cache / "out", cache, arguments.threads)
    context, adapted = adapt_backbone(request, load_material(request, Silent()), Silent())
    views = context.options.views
    with tempfile.TemporaryDirectory(prefix="edgetl-views-") as scratch:
        graph = int8_features(request, context, adapted, (arguments.rendering, Path(scratch)))
        began = time.perf_counter()
        first = graph.training(views[:1])
        first_s = time.perf_counter() - began
        every = graph.training(views)
        every_s = time.perf_counter() - began
    known = trunk_features(context).training(views)
    noise = share_of_noise(first[0], known[0], scale_for(context, known[0]))
    assert adapted.fitted is not None
    start, strength = adapted.fitted, adapted.fitted.regularisation
    heads = {
        ALL: (probe_head(context, every, start), every_s),
        MIXED: (mixed_head(context, first, known[1:], start), first_s),
        FIRST: (probe_head(context, first, start), first_s),
    }
    rows = []
    for title, (fitted, seconds) in heads.items():
        rows.append({"recipe": name, "fitted_to": title, "share_of_noise": noise, "features_s": seconds})
        rows[-1] |= {"images": len(fitted.out_of_fold), "accuracy": fitted.scores[strength]}
        rows[-1] |= {"log_loss": fitted.losses[strength]}
        print(rows[-1], file=sys.stderr, flush=True)
    return rows


def int8_features(
    request: PrepareRequest, context: AdaptContext, adapted: Adapted, how: tuple[str, Path]
) -> GraphFeatures:
    """Of the training split by the ladder's first graph of a rendering, written into a folder."""
    (rendering, scratch), recipe, workspace = how, request.recipe, context.workspace
    made = float_variant(adapted, workspace, scratch)
    calibrated = calibration(made, recipe.quantize, workspace)
    jury = jury_for(recipe.task.kind, recipe.gates, workspace)
    ascent = Ascent(made, rendering, calibrated, None, recipe.quantize, jury)
    (rung,) = first_rungs(False, ascent.treatments, ascent.due)
    variant = written(ascent, rung, scratch / "int8.onnx")
    return FeatureGraph(variant.engine, rendering).features(workspace)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--cache", type=Path, default=Path("build/benchmark-cache"))
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=RECIPES)
    parser.add_argument("--rendering", default="x86-vnni")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    rows = [row for name in arguments.recipes for row in one(name, arguments)]
    losses = {(row["recipe"], row["fitted_to"]): row["log_loss"] for row in rows}
    higher = {name: losses[name, MIXED] - losses[name, ALL] for name in arguments.recipes}
    limit = f"log loss at most {LOSS_MAX} higher with the float trunk's features of the other views"
    measured = {**{f"log loss higher by, {name}": value for name, value in higher.items()}, "rows": rows}
    return record.write(arguments.out, "views of refitted heads", limit, measured, max(higher.values()) <= LOSS_MAX)


if __name__ == "__main__":
    raise SystemExit(main())
