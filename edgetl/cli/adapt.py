"""``edgetl adapt``: one stage, a recipe to an adapted model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click
import msgspec

from edgetl.cli.options import EXISTING_FILE, cache, common, out_folder, threads
from edgetl.cli.output import Output
from edgetl.cli.source import TENSORBOARD


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@out_folder("Folder to write to.")
@threads
@cache
@TENSORBOARD
@common
def adapt(
    output: Output, recipe: Path, out: Path, threads: int | None, cache: Path | None, tensorboard: Path | None
) -> None:
    """Adapt the backbone of RECIPE to its data; export takes the folder it writes."""
    from edgetl.cli.request import stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import stages
    from edgetl.report.text import files_page

    request = replace(stage_request(recipe, out, cache, threads), events=tensorboard)
    index = stages.adapt(request, progress_for(output))
    output.answer({"folder": out, **msgspec.to_builtins(index)}, files_page("Adapted", (("folder", out),)))
