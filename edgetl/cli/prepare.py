"""``edgetl prepare``: the host half."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.options import cache, common, out, threads
from edgetl.cli.output import Output
from edgetl.cli.source import Source, check_source, onnx_options, source_options

if TYPE_CHECKING:
    from edgetl.host.prepare import Prepared
    from edgetl.host.request import PrepareRequest
    from edgetl.progress import Progress


@click.command()
@source_options
@onnx_options
@out("Bundle to write.")
@threads
@cache
@common
def prepare(output: Output, out: Path, threads: int | None, cache: Path | None, **flags: Any) -> None:
    """Adapt, export, quantize and pack what RECIPE says into one bundle.

    Straight from data: prepare --data photos --backbone NAME -o OUT.edgetl.
    From your own model: prepare --onnx MODEL.onnx --data photos -o OUT.edgetl.
    """
    source = Source(**flags)
    check_source(source)
    from edgetl.bundle import Bundle, keep_other_files
    from edgetl.cli.request import request_of
    from edgetl.cli.terminal import progress_for
    from edgetl.report.text import preparation

    keep_other_files(out)
    prepared = _prepare(source, request_of(source, out, cache, threads), progress_for(output))
    page = preparation(Bundle.open(out).manifest, (("bundle", out),), prepared.skipped, prepared.remarks)
    output.answer(prepared, page)


def _prepare(source: Source, request: PrepareRequest, progress: Progress) -> Prepared:
    if source.onnx is None:
        from edgetl.host.prepare import prepare as run

        return run(request, progress)
    from edgetl.cli.request import onnx_request
    from edgetl.host.prepare_onnx import prepare_onnx

    return prepare_onnx(onnx_request(source, source.onnx, request), progress)
