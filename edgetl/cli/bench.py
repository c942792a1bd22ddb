"""``edgetl bench``: the latency of models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.options import ANY_PATH, cache, common, effort, out
from edgetl.cli.output import Output
from edgetl.errors import BackendError

if TYPE_CHECKING:
    from edgetl.result import Result

PRECISIONS = ("fp32", "bf16", "fp16")


@click.command()
@click.argument("models", nargs=-1, required=True, type=ANY_PATH, metavar="MODEL...")
@click.option("--runtime", metavar="R", help="One runtime.  [default: all that are installed]")
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="CPU threads.  [default: all]")
@click.option("--precision", type=click.Choice(PRECISIONS), help="What float graphs may be computed in.")
@out("Result to write, as JSON, with every sample.", required=False)
@effort
@cache
@common
def bench(output: Output, models: tuple[Path, ...], out: Path | None, cache: Path | None, **options: Any) -> None:
    """Time each MODEL, a bundle or a plain ONNX file, in turn with the others, so that all meet the same noise."""
    from edgetl.bundle import Bundle
    from edgetl.cli.terminal import progress_for
    from edgetl.device.bench.models import BenchSettings, bench_models
    from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
    from edgetl.report.text import benchmark

    folder = default_cache_dir() if cache is None else writable_cache_dir(cache)
    subjects = tuple(Bundle.open(path) if path.suffix == ".edgetl" else path for path in models)
    result = bench_models(subjects, BenchSettings(cache_dir=folder, **options), progress_for(output))
    if out is not None:
        output.write(out, result)
    output.answer(result, benchmark(result))
    unloaded = unmeasured(result)
    for reason in unloaded:
        click.echo(f"edgetl: {' '.join(reason.split())}", err=True)
    if unloaded:
        raise click.exceptions.Exit(BackendError.exit_code)


def unmeasured(result: Result) -> tuple[str, ...]:
    """Why not, for each graph that no runtime could be timed with; a graph that one of them takes is measured."""
    timed = {one.variant for one in result.candidates if one.latency is not None}
    left = [one for one in result.candidates if one.variant not in timed]
    return tuple(f"{one.name}: {one.rejected_because}" for one in left)
