"""``edgetl qualify``: the device half."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgetl.cli.failures import gate_failed
from edgetl.cli.options import ANY_PATH, cache, common, effort, out
from edgetl.cli.output import Output
from edgetl.plugins import TARGETS, find

if TYPE_CHECKING:
    from edgetl.device.bench.plan import Effort

WHERE = f"Where it is to run, and whose [gates.target.NAME] are judged; one of: {', '.join(TARGETS)}."


@click.command()
@click.argument("bundle", type=ANY_PATH)
@click.option("--target", default="local", show_default=True, metavar="T", help=WHERE)
@out("Result to write, as JSON.")
@effort
@cache
@common
def qualify(output: Output, bundle: Path, target: str, out: Path, effort: Effort, cache: Path | None) -> None:
    """Verify, evaluate and time BUNDLE on this machine, and select the fastest candidate that passes."""
    from edgetl.bundle import Bundle
    from edgetl.cli.terminal import progress_for
    from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
    from edgetl.device.qualify import Settings
    from edgetl.device.qualify import qualify as run
    from edgetl.report.text import qualification

    where = find(TARGETS, target, "target")
    folder = default_cache_dir() if cache is None else writable_cache_dir(cache)
    result = run(Bundle.open(bundle), where, Settings(effort=effort, cache_dir=folder), progress_for(output))
    output.write(out, result)
    output.answer(result, qualification(result))
    gate_failed(result)
