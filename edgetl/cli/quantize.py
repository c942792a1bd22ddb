"""``edgetl quantize``: one stage, a float ONNX file to a quantized one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.failures import missed
from edgetl.cli.options import EXISTING_FILE, cache, common, out, threads
from edgetl.cli.output import Output
from edgetl.cli.source import Source, check_stage, onnx_alone_options

if TYPE_CHECKING:
    from edgetl.host.stages import Quantized
    from edgetl.report.page import Page


@click.command()
@click.argument("recipe", required=False, type=EXISTING_FILE)
@click.argument("model", required=False, type=EXISTING_FILE)
@click.option("--rendering", default="x86-vnni", show_default=True, metavar="R", help="For which kind of target.")
@out("ONNX file to write.")
@click.option("--explain", is_flag=True, help="Say why int8 was chosen or rejected, layer by layer; -v shows them all.")
@onnx_alone_options
@threads
@cache
@common
def quantize(output: Output, rendering: str, out: Path, explain: bool, **flags: Any) -> None:
    """Quantize MODEL, which export wrote for RECIPE, and fit its head again.

    Your own model: quantize --onnx MODEL.onnx --data photos -o OUT.onnx, with all that prepare is told of it.

    Nothing is written where no graph passes the gates; the exit code is 3 then.
    """
    model, where = flags.pop("model"), (out, flags.pop("cache"), flags.pop("threads"))
    source = Source(**flags) if flags["onnx"] is None else Source(name="own", rendering=(rendering,), **flags)
    check_stage(source)
    from edgetl.cli.request import onnx_request, request_of, stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import quantize_onnx, stages

    progress = progress_for(output)
    if source.onnx is not None:
        asked = onnx_request(source, source.onnx, request_of(source, *where))
        found = quantize_onnx.quantize_onnx(asked, progress, explain)
    elif source.recipe is not None and model is not None:
        found = stages.quantize(stage_request(source.recipe, *where), model, rendering, progress, explain)
    else:
        raise click.UsageError("give a RECIPE and a MODEL, or --onnx MODEL with --data DIR")
    output.answer(*_answer(found, output.verbose))
    if found.model is None:
        gates = "the gates" if source.recipe is None else f"the gates of {str(source.recipe)!r}"
        stays = f"; {str(out)!r} of an earlier run stays as it is" if out.exists() else ""
        missed(f"no graph for {rendering!r} passes {gates}; nothing was written{stays}")


def _answer(found: Quantized, is_verbose: bool) -> tuple[dict[str, Any], Page]:
    from edgetl.report.explanation import TOP, explanation_page
    from edgetl.report.explanation import in_words as explained_in_words
    from edgetl.report.ladder import in_words
    from edgetl.report.page import Page
    from edgetl.report.text import files_table, notes

    title = "Not quantized" if found.model is None else "Quantized"
    words = in_words(found.ladder)
    page = Page(title, words)
    document: dict[str, Any] = {"model": found.model, "passed": found.ladder.passed, "in_words": words}
    document["remarks"] = found.remarks
    if found.explanation is not None:
        document |= {"explanation": found.explanation, "in_words": explained_in_words(found.explanation)}
        page = explanation_page(title, found.explanation, None if is_verbose else TOP)
    if found.model is not None:
        files = files_table((("quantized model", found.model),))
        page = replace(page, summary=(*page.summary, *notes(found.remarks)), tables=(*page.tables, files))
    return document, page
