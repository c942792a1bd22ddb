"""``edgetl deploy``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgetl.cli.failures import gate_failed
from edgetl.cli.options import ANY_PATH, cache, common, effort, out, report_file, threads
from edgetl.cli.output import Output
from edgetl.cli.source import Source, check_source, source_options


@click.command()
@source_options
@out(
    "Bundle to write; OUT.result.json, OUT.report.md and its pictures go beside it.",
    beside=(".result.json", ".report.md"),
)
@click.option(
    "--report", type=ANY_PATH, metavar="FILE", callback=report_file, help="Page to write.  [default: OUT.report.md]"
)
@effort
@threads
@cache
@common
def deploy(output: Output, out: Path, **options: Any) -> None:
    """Prepare RECIPE, qualify it on this machine, and report.

    Straight from data: deploy --data photos --backbone NAME -o OUT.edgetl.
    """
    effort, threads, cache = options.pop("effort"), options.pop("threads"), options.pop("cache")
    report = options.pop("report")
    source = Source(**options)
    check_source(source)
    from edgetl.bundle import Bundle, keep_other_files
    from edgetl.cli.request import request_of
    from edgetl.cli.terminal import progress_for
    from edgetl.device.session import Settings
    from edgetl.pipeline import DeploySettings
    from edgetl.pipeline import deploy as run
    from edgetl.report.text import summary
    from edgetl.target import LOCAL

    keep_other_files(out)
    request = request_of(source, out, cache, threads)
    settings = DeploySettings(LOCAL, Settings(effort=effort, cache_dir=request.cache), report)
    deployed = run(request, settings, progress_for(output))
    files = (("bundle", out), ("result", Path(deployed.result_path)), ("report", Path(deployed.report_path)))
    made = deployed.prepared
    page = summary(Bundle.open(out).manifest, deployed.result, files, made.skipped, made.remarks)
    output.answer(deployed, page)
    gate_failed(deployed.result)
