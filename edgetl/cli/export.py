"""``edgetl export``: one stage, an adapted model to ONNX."""

from __future__ import annotations

from pathlib import Path

import click

from edgetl.cli.options import ANY_PATH, EXISTING_FILE, cache, common, out, threads
from edgetl.cli.output import Output


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.argument("folder", type=ANY_PATH)
@out("ONNX file to write.")
@threads
@cache
@common
def export(output: Output, recipe: Path, folder: Path, out: Path, threads: int | None, cache: Path | None) -> None:
    """Export FOLDER, which adapt wrote for RECIPE, as one float ONNX file, and compare it with torch."""
    from edgetl.cli.request import stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import stages
    from edgetl.report.text import files_page

    written = stages.export(stage_request(recipe, out, cache, threads), folder, progress_for(output))
    output.answer({"model": written}, files_page("Exported", (("float model", written),)))
