"""``edgetl verify``: one stage, a bundle's outputs here against the host's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.options import ANY_PATH, cache, common
from edgetl.cli.output import Output
from edgetl.errors import GateFailed

if TYPE_CHECKING:
    from edgetl.bundle import Bundle
    from edgetl.device.evaluate import Examined
    from edgetl.progress import Progress


@click.command()
@click.argument("bundle", type=ANY_PATH)
@cache
@common
def verify(output: Output, bundle: Path, cache: Path | None) -> None:
    """Run the golden samples of BUNDLE with every candidate and compare with what the host computed."""
    from edgetl.bundle import Bundle
    from edgetl.cli.terminal import progress_for
    from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
    from edgetl.report.accuracy import checks_table
    from edgetl.report.page import Page

    folder = default_cache_dir() if cache is None else writable_cache_dir(cache)
    opened = Bundle.open(bundle)
    examined = _examine(opened, folder, progress_for(output))
    tables = tuple(checks_table(f"{one.name}: {one.rejected_because or 'passed'}", one.checks) for one in examined)
    output.answer(tuple(_document(one) for one in examined), Page(f"Verification of {bundle.name}", tables=tables))
    if all(one.rejected_because for one in examined):
        click.echo(f"edgetl: no candidate of {str(bundle)!r} computes here what the host computed", err=True)
        raise click.exceptions.Exit(GateFailed.exit_code)


def _examine(bundle: Bundle, folder: Path, progress: Progress) -> tuple[Examined, ...]:
    from edgetl.device.examine import examine_bundle
    from edgetl.device.probe import environment
    from edgetl.device.session import Settings, begin
    from edgetl.target import LOCAL

    # nothing is timed, so effort and clock are never asked for
    session = begin(bundle, LOCAL, Settings("quick", folder), progress, time.perf_counter_ns)
    examined = []
    for one in examine_bundle(session, environment()):
        if one.runner is not None:
            one.runner.close()
        examined.append(one)
    return tuple(examined)


def _document(one: Examined) -> dict[str, Any]:
    return {"candidate": one.name, "checks": one.checks, "rejected_because": one.rejected_because}
