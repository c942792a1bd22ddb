"""``edgetl pack``: one stage, ONNX files to a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgetl.cli.options import EXISTING_FILE, cache, common, out, threads
from edgetl.cli.output import Output


@click.command()
@click.argument("recipe", type=EXISTING_FILE)
@click.argument("model", type=EXISTING_FILE)
@click.option(
    "--quantized",
    type=(str, EXISTING_FILE),
    multiple=True,
    metavar="RENDERING FILE",
    help="A quantized form of MODEL, such as: x86-vnni int8.onnx. May be given several times.",
)
@out("Bundle to write.")
@threads
@cache
@common
def pack(output: Output, recipe: Path, model: Path, out: Path, **options: Any) -> None:
    """Judge the float MODEL and its quantized forms by RECIPE, and pack them into one bundle."""
    from edgetl.bundle import Bundle, keep_other_files
    from edgetl.cli.request import stage_request
    from edgetl.cli.terminal import progress_for
    from edgetl.host import stages
    from edgetl.report.text import preparation

    keep_other_files(out)
    request = stage_request(recipe, out, options["cache"], options["threads"])
    held_out = stages.pack_files(request, stages.Files(model, dict(options["quantized"])), progress_for(output))
    bundle = Bundle.open(out)
    remarks = bundle.manifest.remarks
    document = {"bundle": out, "sha256": bundle.sha256, "held_out": held_out, "graph_remarks": remarks}
    output.answer(document, preparation(bundle.manifest, (("bundle", out),)))
