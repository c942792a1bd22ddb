"""``edgetl verify``: one stage, a bundle's outputs here against the host's."""

from __future__ import annotations

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
    from edgetl.device.candidates import backends_of, form
    from edgetl.device.evaluate import Exam, Examined, examine
    from edgetl.device.probe import environment
    from edgetl.plugins import TASKS, resolve
    from edgetl.target import LOCAL

    manifest, backends = bundle.manifest, backends_of(LOCAL)
    exam = Exam(manifest, bundle.golden(), resolve(TASKS[manifest.task][1]), seed=0)
    examined = []
    formed = form(manifest.variants, LOCAL, environment(), backends)
    with progress.stage("verify candidates", len(formed)) as step:
        for one in formed:
            if one.rejected_because is None:
                model = bundle.model(one.variant.name, folder / "models")
                found = examine(one, backends[one.candidate.runtime], model, folder / "built", exam)
            else:
                found = Examined(one, None, (), None, one.rejected_because)
            if found.runner is not None:
                found.runner.close()
            examined.append(found)
            step.advance()
    return tuple(examined)


def _document(one: Examined) -> dict[str, Any]:
    return {"candidate": one.name, "checks": one.checks, "rejected_because": one.rejected_because}
