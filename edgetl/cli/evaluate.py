"""``edgetl evaluate``: one stage, the accuracy of an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgetl.cli.options import EXISTING_FILE, cache, common, threads
from edgetl.cli.output import Output


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.argument("model", type=EXISTING_FILE)
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    default="validation",
    show_default=True,
    help="Which images; look at test once, when everything is decided.",
)
@threads
@cache
@common
def evaluate(output: Output, recipe: Path, model: Path, split: str, **where: Any) -> None:
    """Say how accurate MODEL is on the data of RECIPE."""
    from edgetl.cli.request import stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import stages
    from edgetl.report.accuracy import metrics_page

    request = stage_request(recipe, model, where["cache"], where["threads"])
    metrics = stages.evaluate(request, model, "test" if split == "test" else "validation", progress_for(output))
    output.answer(metrics, metrics_page(model.name, split, metrics))
