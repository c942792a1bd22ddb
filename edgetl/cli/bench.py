"""``edgetl bench``: the latency of models side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgetl.cli.amounts import deadline_ms, rate_hz
from edgetl.cli.fail_if import fail_if, refuse
from edgetl.cli.failures import missed
from edgetl.cli.given import give
from edgetl.cli.options import ANY_PATH, cache, common, effort, out_results
from edgetl.cli.output import Output
from edgetl.cli.sections import SectionedCommand
from edgetl.cli.strict import hold_to, strict
from edgetl.errors import BackendError, InputError

if TYPE_CHECKING:
    from edgetl.layers import Work
    from edgetl.pair import Condition
    from edgetl.result import Result
    from edgetl.scenario import Scenario

PRECISIONS = ("fp32", "bf16", "fp16")
SELFTEST = Path("selftest")
SCOPES = ("infer", "end-to-end")
SCENARIOS = ("single-stream", "multi-stream", "server", "offline", "periodic")
SECTIONS = {
    "How models run": ("runtime", "threads", "precision"),
    "What is timed": ("scope", "batch", "effort", "layers"),
    "What fails": ("strict", "fail_if", "margin"),
    "How load arrives": ("kind", "rate_hz", "streams", "seed", "deadline_ms", "drop_late"),
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("models", nargs=-1, required=True, type=ANY_PATH, metavar="MODEL...")
@click.option("--runtime", metavar="R", help="The only runtime to use.  [default: all that are installed]")
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="CPU threads.  [default: all]")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="What float graphs are computed in.  [default: fp32 for plain files, all worth trying here for bundles]",
)
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="infer",
    show_default=True,
    help="What is timed: inference alone, or all from an image file to its prediction, of bundles.",
)
@click.option(
    "-b",
    "--batch",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Items in one inference: latency is of all of them, throughput counts each.  [default: 1]",
)
@click.option(
    "--scenario",
    "kind",
    type=click.Choice(SCENARIOS),
    default="single-stream",
    show_default=True,
    help="How load arrives, in MLPerf LoadGen's words; periodic is a camera.",
)
@click.option(
    "--rate", "rate_hz", metavar="HZ", callback=rate_hz, help="Inferences due per second, of periodic and server."
)
@click.option(
    "--streams",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    metavar="N",
    help="Inferences at once, of multi-stream and offline.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), metavar="N", help="Of the arrival times of server.  [default: 0]"
)
@click.option("--deadline", "deadline_ms", metavar="MS", callback=deadline_ms, help="Later than this counts as late.")
@click.option(
    "--drop-late", is_flag=True, help="Of periodic and server: drop what is due while another runs; else it waits."
)
@click.option("--layers", is_flag=True, help="Also say which precision each layer ran in, and the roofline.")
@strict
@fail_if
@out_results(
    "Result to write: FILE.json with every sample, FILE.csv with a row for each candidate, or FILE.md with the tables "
    "below; may be given more than once."
)
@effort
@cache
@common
def bench(output: Output, models: tuple[Path, ...], outs: tuple[Path, ...], cache: Path | None, **options: Any) -> None:
    """Time each MODEL, a bundle or a plain ONNX file, in turn with the others, so that all meet the same noise.

    Every model is compared with the first one on the same runtime; the candidates of a single model with its first.

    "edgetl bench selftest" times no model and checks the harness itself.
    """
    if models == (SELFTEST,):
        unused = [name for name, given in (("--fail-if", options["fail_if"]), ("--strict", options["strict"])) if given]
        if unused:
            raise click.UsageError(f"{unused[0]} judges models, and a self-test times none; leave it out")
        return _selftest(output, outs)
    if SELFTEST in models and not SELFTEST.exists():
        raise click.UsageError("a self-test takes no models; run it alone: edgetl bench selftest")
    from edgetl.bundle import Bundle
    from edgetl.cli.terminal import progress_for
    from edgetl.device.bench.models import BenchSettings, bench_models
    from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
    from edgetl.report.benchmark import benchmark
    from edgetl.report.result_files import write_result

    conditions = options.pop("fail_if")
    folder = default_cache_dir() if cache is None else writable_cache_dir(cache)
    scenario = _scenario(options)
    settings = BenchSettings(cache_dir=folder, scenario=scenario, count=_counted, **options)
    subjects = tuple(Bundle.open(path) if path.suffix == ".edgetl" else path for path in models)
    _keep_weights(models, outs)
    result = bench_models(subjects, settings, progress_for(output))
    give(outs, lambda out: write_result(out, result), lambda: output.answer(result, benchmark(result)))
    unloaded = unmeasured(result)
    for reason in unloaded:
        click.echo(f"edgetl: {' '.join(reason.split())}", err=True)
    hold_to(result, settings.strict)
    refuse(conditions, _refused(result, conditions))
    if unloaded:
        raise click.exceptions.Exit(BackendError.exit_code)
    return None


def _counted(model: Path, fed: Mapping[str, tuple[int, ...]]) -> Work:
    """Operations and bytes of a plain file, where the package is installed that reads graphs."""
    from edgetl.layers import Work

    try:
        from edgetl.host.work import work_of_file
    except ImportError as error:
        found = "is not installed" if error.name == "onnx" else f"cannot be imported ({error})"
        return Work(None, None, f"operations and bytes of a plain file take onnx, which {found}; run: pip install onnx")
    return work_of_file(model, fed)


def _keep_weights(models: Sequence[Path], outs: Sequence[Path]) -> None:
    """Refuse to write over a file beside a model that holds its weights."""
    from edgetl.device.onnx_file import parts_of

    replaced = [out for out in outs if out.is_file()]
    parts = [part for model in models if replaced and model.suffix != ".edgetl" for part in parts_of(model)]
    for out in replaced:
        if any(part.samefile(out) for part in parts):
            raise InputError(
                f"{str(out)!r} holds weights of a model, which the output would replace; choose another -o"
            )


def _refused(result: Result, conditions: Sequence[Condition]) -> list[str]:
    """What a gate with these conditions has against a run; one in which nothing was compared proves nothing."""
    from edgetl.device.bench.side_by_side import lost
    from edgetl.report.comparison import lost_words, verdict_words

    pairs, untimed = result.comparisons or (), lost(result.candidates)
    if not pairs and not untimed:
        return ["nothing was compared: give two models, or two runtimes"]
    unmet = [pair for pair in pairs if any(pair.meets(condition) for condition in conditions)]
    verdicts = [f"{pair.second} against {pair.first}: {verdict_words(pair)}" for pair in unmet]
    return [*verdicts, *map(lost_words, untimed)]


def _selftest(output: Output, outs: tuple[Path, ...]) -> None:
    import time

    from edgetl.device.bench.selftest.run import self_test
    from edgetl.report.selftest import selftest_page

    for out in outs:
        if out.suffix.lower() not in ("", ".json"):
            raise click.BadParameter(f"{out.name!r}: a self-test is written as .json only", param_hint="-o")
    found = self_test(time.perf_counter_ns)
    give(outs, lambda out: output.write(out, found), lambda: output.answer(found, selftest_page(found)))
    if not found.passed:
        failed = ", ".join(check.name for check in found.checks if not check.passed)
        missed(f"the self-test failed: {failed}; numbers measured on this machine are not to be believed")


def _scenario(options: dict[str, Any]) -> Scenario:
    from edgetl.scenario import Scenario

    deadline_ms, drop_late, seed = options.pop("deadline_ms"), options.pop("drop_late"), options.pop("seed")
    scenario = Scenario(
        kind=options.pop("kind"),
        rate_hz=options.pop("rate_hz"),
        streams=options.pop("streams"),
        deadline_ns=None if deadline_ms is None else round(deadline_ms * 1e6),
        backlog="drop" if drop_late else "queue",
        seed=seed or 0,
    )
    if seed is not None and scenario.kind != "server":
        raise InputError(f"nothing arrives by chance in scenario {scenario.kind!r}; leave --seed out")
    if drop_late and not scenario.is_paced:
        raise InputError(f"in scenario {scenario.kind!r} nothing is due, so nothing is late; leave --drop-late out")
    if deadline_ms is not None and scenario.kind == "offline":
        raise InputError("scenario 'offline' has throughput alone, so nothing is late; leave --deadline out")
    return scenario


def unmeasured(result: Result) -> tuple[str, ...]:
    """Why not, for each graph that no runtime could be timed with; a graph that one of them takes is measured."""
    timed = {one.variant for one in result.candidates if one.latency is not None or one.throughput_per_s is not None}
    left = [one for one in result.candidates if one.variant not in timed]
    return tuple(f"{one.name}: {one.rejected_because}" for one in left)
