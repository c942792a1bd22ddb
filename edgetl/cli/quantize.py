"""``edgetl quantize``: one stage, a float ONNX file to a quantized one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

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
    """Quantize MODEL, which export wrote for RECIPE, and fit its head again."""
    from edgetl.cli.request import stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import stages
    from edgetl.report.explanation import TOP, explanation_page, in_words
    from edgetl.report.text import files_page

    request = stage_request(recipe, out, where["cache"], where["threads"])
    written = stages.quantize(request, model, rendering, progress_for(output), explain)
    document: dict[str, Any] = {"model": written.model}
    page = files_page("Quantized", (("quantized model", written.model),))
    if written.explanation is not None:
        document |= {"explanation": written.explanation, "in_words": in_words(written.explanation)}
        told = explanation_page("Quantized", written.explanation, None if output.verbose else TOP)
        page = replace(told, tables=(*told.tables, *page.tables))
    output.answer(document, page)
