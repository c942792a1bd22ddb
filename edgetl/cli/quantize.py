"""``edgetl quantize``: one stage, a float ONNX file to a quantized one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edgetl.cli.failures import missed
from edgetl.cli.options import EXISTING_FILE, cache, common, out, threads
from edgetl.cli.output import Output


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.argument("model", type=EXISTING_FILE)
@click.option("--rendering", default="x86-vnni", show_default=True, metavar="R", help="For which kind of target.")
@out("ONNX file to write.")
@click.option("--explain", is_flag=True, help="Say why int8 was chosen or rejected, layer by layer; -v shows them all.")
@threads
@cache
@common
def quantize(output: Output, recipe: Path, model: Path, rendering: str, out: Path, explain: bool, **where: Any) -> None:
    """Quantize MODEL, which export wrote for RECIPE, and fit its head again.

    Nothing is written where no graph passes the gates of RECIPE; the exit code is 3 then.
    """
    from edgetl.cli.request import stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import stages
    from edgetl.report.explanation import TOP, explanation_page
    from edgetl.report.explanation import in_words as explained_in_words
    from edgetl.report.ladder import in_words
    from edgetl.report.page import Page
    from edgetl.report.text import files_table, notes

    request = stage_request(recipe, out, where["cache"], where["threads"])
    found = stages.quantize(request, model, rendering, progress_for(output), explain)
    title = "Not quantized" if found.model is None else "Quantized"
    words = in_words(found.ladder)
    page = Page(title, words)
    document: dict[str, Any] = {"model": found.model, "passed": found.ladder.passed, "in_words": words}
    document["remarks"] = found.remarks
    if found.explanation is not None:
        document |= {"explanation": found.explanation, "in_words": explained_in_words(found.explanation)}
        page = explanation_page(title, found.explanation, None if output.verbose else TOP)
    if found.model is not None:
        files = files_table((("quantized model", found.model),))
        page = replace(page, summary=(*page.summary, *notes(found.remarks)), tables=(*page.tables, files))
    output.answer(document, page)
    if found.model is None:
        stays = f"; {str(out)!r} of an earlier run stays as it is" if out.exists() else ""
        missed(f"no graph for {rendering!r} passes the gates of {str(recipe)!r}; nothing was written{stays}")
