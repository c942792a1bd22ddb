"""``edgetl bench``: the latency of models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.options import ANY_PATH, cache, common, effort, out_results
from edgetl.cli.output import Output
from edgetl.errors import BackendError

if TYPE_CHECKING:
    from edgetl.result import Result
    from edgetl.scenario import Scenario

PRECISIONS = ("fp32", "bf16", "fp16")
SELFTEST = Path("selftest")
SCENARIOS = ("single-stream", "multi-stream", "server", "offline", "periodic")


@click.command()
@click.argument("models", nargs=-1, required=True, type=ANY_PATH, metavar="MODEL...")
@click.option("--runtime", metavar="R", help="One runtime.  [default: all that are installed]")
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="CPU threads.  [default: all]")
@click.option("--precision", type=click.Choice(PRECISIONS), help="What float graphs may be computed in.")
@click.option(
    "--scenario",
    "kind",
    type=click.Choice(SCENARIOS),
    default="single-stream",
    show_default=True,
    help="How load arrives, in MLPerf LoadGen's words; periodic is a camera.",
)
@click.option("--rate", "rate_hz", type=float, metavar="HZ", help="Inferences per second of periodic and server.")
@click.option("--streams", type=click.IntRange(1, 64), default=1, metavar="N", help="At once, of multi-stream.")
@click.option("--deadline", "deadline_ms", type=float, metavar="MS", help="Later than this counts as late.")
@click.option("--drop-late", is_flag=True, help="Drop what is due while another runs, instead of queueing it.")
@click.option("--layers", is_flag=True, help="Also say which precision each layer ran in, and the roofline.")
@click.option("--strict", multiple=True, metavar="CODE", help="A code such as W-LOAD that makes the run fail.")
@out_results(
    "Result to write: FILE.json with every sample, FILE.csv with a row for each candidate, or FILE.md with the tables "
    "below; may be given more than once."
)
@effort
@cache
@common
def bench(output: Output, models: tuple[Path, ...], outs: tuple[Path, ...], cache: Path | None, **options: Any) -> None:
    """Time each MODEL, a bundle or a plain ONNX file, in turn with the others, so that all meet the same noise.

    "edgetl bench selftest" times no model and checks the harness itself.
    """
    if models == (SELFTEST,):
        return _selftest(output, outs)
    from edgetl.bundle import Bundle
    from edgetl.cli.terminal import progress_for
    from edgetl.device.bench.models import BenchSettings, bench_models
    from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
    from edgetl.report.benchmark import benchmark
    from edgetl.report.result_files import write_result

    folder = default_cache_dir() if cache is None else writable_cache_dir(cache)
    scenario, strict = _scenario(options), _codes(options.pop("strict"))
    settings = BenchSettings(cache_dir=folder, scenario=scenario, strict=strict, **options)
    subjects = tuple(Bundle.open(path) if path.suffix == ".edgetl" else path for path in models)
    result = bench_models(subjects, settings, progress_for(output))
    for out in outs:
        write_result(out, result)
    output.answer(result, benchmark(result))
    unloaded = unmeasured(result)
    for reason in unloaded:
        click.echo(f"edgetl: {' '.join(reason.split())}", err=True)
    _hold_to(result, strict)
    if unloaded:
        raise click.exceptions.Exit(BackendError.exit_code)
    return None


def _selftest(output: Output, outs: tuple[Path, ...]) -> None:
    import time

    from edgetl.device.bench.selftest.run import self_test
    from edgetl.errors import GateFailed
    from edgetl.report.selftest import selftest_page

    for out in outs:
        if out.suffix.lower() not in ("", ".json"):
            raise click.BadParameter(f"{out.name!r}: a self-test is written as .json only", param_hint="-o")
    found = self_test(time.perf_counter_ns)
    for out in outs:
        output.write(out, found)
    output.answer(found, selftest_page(found))
    if not found.passed:
        failed = ", ".join(check.name for check in found.checks if not check.passed)
        raise GateFailed(f"the self-test failed: {failed}; numbers measured on this machine are not to be believed")


def _scenario(options: dict[str, Any]) -> Scenario:
    from edgetl.scenario import Scenario

    deadline_ms = options.pop("deadline_ms")
    return Scenario(
        kind=options.pop("kind"),
        rate_hz=options.pop("rate_hz"),
        streams=options.pop("streams"),
        deadline_ns=None if deadline_ms is None else round(deadline_ms * 1e6),
        backlog="drop" if options.pop("drop_late") else "queue",
    )


def _codes(given: tuple[str, ...]) -> frozenset[str]:
    from edgetl.validity import CODES

    for code in given:
        if code not in CODES:
            raise click.BadParameter(f"{code!r} is no code; expected one of: {', '.join(CODES)}", param_hint="--strict")
    return frozenset(given)


def _hold_to(result: Result, strict: frozenset[str]) -> None:
    """Fail when a code that was named was found."""
    from edgetl.errors import GateFailed

    found = {
        finding.code: finding.message
        for one in result.candidates
        for finding in (one.validity.findings if one.validity is not None else ())
        if finding.code in strict
    }
    if found:
        raise GateFailed("; ".join(f"{code}: {message}" for code, message in found.items()))


def unmeasured(result: Result) -> tuple[str, ...]:
    """Why not, for each graph that no runtime could be timed with; a graph that one of them takes is measured."""
    timed = {one.variant for one in result.candidates if one.latency is not None or one.throughput_per_s is not None}
    left = [one for one in result.candidates if one.variant not in timed]
    return tuple(f"{one.name}: {one.rejected_because}" for one in left)
