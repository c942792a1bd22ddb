"""``edgetl qualify``: the device half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edgetl.cli.failures import gate_failed
from edgetl.cli.given import give
from edgetl.cli.options import ANY_PATH, cache, common, effort, out
from edgetl.cli.output import Output
from edgetl.cli.strict import hold_to, strict
from edgetl.plugins import TARGETS, find

WHERE = f"Where it is to run, and whose [gates.target.NAME] are judged; one of: {', '.join(TARGETS)}."


@click.command()
@click.argument("bundle", type=ANY_PATH)
@click.option("--target", default="local", show_default=True, metavar="T", help=WHERE)
@out("Result to write, as JSON.")
@strict
@effort
@cache
@common
def qualify(output: Output, bundle: Path, target: str, out: Path, cache: Path | None, **options: Any) -> None:
    """Verify, evaluate and time BUNDLE on this machine, and select the fastest candidate that passes."""
    from edgetl.bundle import Bundle
    from edgetl.cli.terminal import progress_for
    from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
    from edgetl.device.qualify import Settings
    from edgetl.device.qualify import qualify as run
    from edgetl.report.text import qualification

    where = find(TARGETS, target, "target")
    folder = default_cache_dir() if cache is None else writable_cache_dir(cache)
    settings = Settings(cache_dir=folder, **options)
    result = run(Bundle.open(bundle), where, settings, progress_for(output))
    give((out,), lambda path: output.write(path, result), lambda: output.answer(result, qualification(result)))
    gate_failed(result)
    hold_to(result, settings.strict)
