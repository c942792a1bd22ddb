"""What a table for programs says of a candidate, column by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from edgetl.measurement import SUPPORT
from edgetl.pair import Pair
from edgetl.report.candidates import is_timed
from edgetl.report.load import scope_of
from edgetl.report.minutes import minutes_of
from edgetl.result import CandidateResult, Result
from edgetl.scenario import SINGLE_STREAM, Scenario

Cell: TypeAlias = "str | int | float | bool | None"
_PERCENTILES = ("p50_ns", "p90_ns", "p95_ns", "p99_ns", "p999_ns")


@dataclass(frozen=True)
class Field:
    """One column: what it means, in a cell of Markdown, and its value; ``None`` where that is unknown."""

    meaning: str
    value: Callable[[Result, CandidateResult], Cell]


def _of_run(value: Callable[[Result], Cell]) -> Callable[[Result, CandidateResult], Cell]:
    return lambda result, _: value(result)


def _own(value: Callable[[CandidateResult], Cell]) -> Callable[[Result, CandidateResult], Cell]:
    return lambda _, one: value(one)


def _part(part: str, field: str) -> Callable[[Result, CandidateResult], Cell]:
    """A field of a part of a candidate, such as its latency, that may be missing."""

    def value(_: Result, one: CandidateResult) -> Cell:
        found = getattr(one, part)
        cell: Cell = None if found is None else getattr(found, field)
        return cell

    return value


def _known(percent: float, field: str) -> Callable[[Result, CandidateResult], Cell]:
    """How far a percentile is known."""

    def value(_: Result, one: CandidateResult) -> Cell:
        found = None if one.latency is None else one.latency.percentile(percent)
        cell: Cell = None if found is None else getattr(found, field)
        return cell

    return value


def _intervals() -> dict[str, Field]:
    columns: dict[str, Field] = {}
    for percent in SUPPORT:
        name, short = f"latency_p{percent:g}".replace(".", ""), f"p{percent:g}"
        columns[f"{name}_low_ns"] = Field(f"lower end of the 95 % interval of {short}", _known(percent, "low_ns"))
        columns[f"{name}_high_ns"] = Field(f"upper end of the 95 % interval of {short}", _known(percent, "high_ns"))
        columns[f"{name}_bound_ns"] = Field(
            f"99 % upper bound of {short}, by which limits are judged", _known(percent, "bound_ns")
        )
    return columns


def _no_intervals(one: CandidateResult) -> Cell:
    if one.latency is not None and not one.latency.percentiles and one.latency.p50_ns is not None:
        return "measured by an older version"
    return _no_latency(one)


def _scenario(value: Callable[[Scenario], Cell]) -> Callable[[Result, CandidateResult], Cell]:
    return lambda result, _: value(result.scenario or SINGLE_STREAM)


def _backlog(how: Scenario) -> Cell:
    return how.backlog if how.is_paced else None


def _no_load(how: Scenario) -> Cell:
    """Why nothing waits and nothing is late."""
    reasons = [] if how.is_paced else [f"no rate_hz and backlog: nothing is due at a time of its own in {how.kind}"]
    reasons += [] if how.limit_ns is not None else ["no deadline_ns: none was given"]
    return "; ".join(reasons) or None


def _codes(one: CandidateResult) -> Cell:
    return None if one.validity is None else " ".join(dict.fromkeys(found.code for found in one.validity.findings))


def _no_latency(one: CandidateResult) -> Cell:
    if one.latency is None:
        return "only throughput was measured" if is_timed(one) else one.rejected_because or "it was not timed"
    missing = [name.removesuffix("_ns") for name in _PERCENTILES if getattr(one.latency, name) is None]
    return f"too few samples for {', '.join(missing)}" if missing else None


def _no_minutes(one: CandidateResult) -> Cell:
    if minutes_of(one) is not None:
        return None
    return "there are no samples" if one.latency is None else "it ran for less than two minutes"


def _minute(last: bool) -> Callable[[Result, CandidateResult], Cell]:
    def value(_: Result, one: CandidateResult) -> Cell:
        found = minutes_of(one)
        return None if found is None else found.last_ns if last else found.first_ns

    return value


def _pair(value: Callable[[Pair], Cell]) -> Callable[[Result, CandidateResult], Cell]:
    def of(result: Result, one: CandidateResult) -> Cell:
        found = _pair_of(result, one)
        return None if found is None else value(found)

    return of


def _pair_of(result: Result, one: CandidateResult) -> Pair | None:
    return next((pair for pair in result.comparisons or () if pair.second == one.name), None)


def _no_ratio(result: Result, one: CandidateResult) -> Cell:
    found = _pair_of(result, one)
    if found is not None:
        few = found.comparison.low is None
        return f"too few blocks: {min(found.comparison.blocks)}" if few else None
    if result.comparisons is None:
        return "nothing was compared"
    if one.latency is None and one.heaps is None:
        return "it has no latency"
    is_reference = any(pair.first == one.name for pair in result.comparisons)
    return "others are compared with it" if is_reference else "there is nothing to compare it with"


COLUMNS: Final[Mapping[str, Field]] = {
    "model": Field("file or bundle; of several, all their names", _of_run(lambda run: run.bundle.name)),
    "model_sha256": Field("its hash; of several, one of all together", _of_run(lambda run: run.bundle.sha256)),
    "candidate": Field("variant, runtime, precision and threads", _own(lambda one: one.name)),
    "variant": Field("the graph", _own(lambda one: one.variant)),
    "rendering": Field("how the graph is quantized", _own(lambda one: one.rendering)),
    "precision": Field("the precision that was asked for", _own(lambda one: one.precision)),
    "runtime": Field("what ran it", _own(lambda one: one.runtime)),
    "runtime_version": Field("its version", lambda run, one: run.environment.runtimes.get(one.runtime)),
    "threads": Field("CPU threads", _own(lambda one: one.threads)),
    "size_bytes": Field("the model file", _own(lambda one: one.size_bytes)),
    "selected": Field(
        "`true` for the lowest p50 (offline: the highest throughput) of what is not invalid",
        lambda run, one: one.name == run.selected,
    ),
    "rejected_because": Field("why it was not timed or not chosen", _own(lambda one: one.rejected_because)),
    "scope": Field("what the clock ran over", _own(scope_of)),
    "scenario": Field("how load arrived", _scenario(lambda how: how.kind)),
    "rate_hz": Field("inferences a second that were due", _scenario(lambda how: how.rate_hz)),
    "streams": Field("inferences at once", _scenario(lambda how: how.streams)),
    "deadline_ns": Field("after which an inference is late", _scenario(lambda how: how.limit_ns)),
    "backlog": Field("`queue` or `drop`, of what is due while another runs", _scenario(_backlog)),
    "effort": Field("how long timing ran", _of_run(lambda run: run.effort)),
    "verdict": Field("whether the numbers may be believed", _part("validity", "verdict")),
    "codes": Field("what speaks against them, joined by spaces", _own(_codes)),
    "latency_n": Field("samples", _part("latency", "n")),
    "latency_p50_ns": Field("median", _part("latency", "p50_ns")),
    "latency_p90_ns": Field("90th percentile", _part("latency", "p90_ns")),
    "latency_p95_ns": Field("95th percentile", _part("latency", "p95_ns")),
    "latency_p99_ns": Field("99th percentile", _part("latency", "p99_ns")),
    "latency_p999_ns": Field("99.9th percentile", _part("latency", "p999_ns")),
    "latency_min_ns": Field("fastest sample", _part("latency", "min_ns")),
    "latency_max_ns": Field("slowest sample", _part("latency", "max_ns")),
    "latency_reason": Field("why any of these is empty", _own(_no_latency)),
    "warmup_n": Field("calls before measuring", _part("latency", "warmup")),
    "steady": Field("whether latency had settled by then", _part("latency", "steady")),
    "first_minute_p50_ns": Field("median of the first minute", _minute(last=False)),
    "last_minute_p50_ns": Field("median of the last minute", _minute(last=True)),
    "minutes_reason": Field("why these are empty", _own(_no_minutes)),
    "service_p50_ns": Field("median time of the work itself, where latency counts waiting", _part("service", "p50_ns")),
    "throughput_items_per_s": Field("items by wall time", _own(lambda one: one.throughput_per_s)),
    "deadline_misses": Field(
        "late or dropped inferences, where there is a deadline", _own(lambda one: one.deadline_misses)
    ),
    "dropped": Field("inferences that were not begun", _own(lambda one: one.dropped)),
    "overhead_ns": Field(
        "what timing and checking add to a sample, without handing tensors to the runtime and copying its answers",
        _own(lambda one: one.overhead_ns),
    ),
    "adapter_ns": Field(
        "what that handing over and copying takes, where the runtime tells its own time",
        _own(lambda one: one.adapter_ns),
    ),
    "cold_import_ns": Field("importing the runtime, in a fresh process", _part("cold", "import_ns")),
    "cold_build_ns": Field("building, where nothing was built before", _part("cold", "build_ns")),
    "cold_load_ns": Field("loading, with what was built before", _part("cold", "load_ns")),
    "cold_first_inference_ns": Field("the first inference", _part("cold", "first_inference_ns")),
    "cold_peak_rss_bytes": Field("peak memory of that process", _part("cold", "peak_rss_bytes")),
    "idle_w": Field("power before inferences", _part("energy", "idle_w")),
    "active_w": Field("power meanwhile", _part("energy", "active_w")),
    "energy_per_item_j": Field("energy of one item", _part("energy", "per_inference_j")),
    "energy_net_per_item_j": Field("without what an idle device draws", _part("energy", "net_per_inference_j")),
    "energy_reason": Field(
        "why any of these is empty",
        _own(lambda one: "power was not measured" if one.energy is None else one.energy.reason),
    ),
    "roofline_fraction": Field("of what the machine allows (`--layers`)", _part("roofline", "fraction")),
    "roofline_reason": Field(
        "why this is empty", _own(lambda one: "not asked for" if one.roofline is None else one.roofline.reason)
    ),
    "started_utc": Field("when the run began (ISO 8601)", _of_run(lambda run: run.started_utc)),
    "machine_fingerprint": Field("SHA-256 of the environment", _of_run(lambda run: run.environment.fingerprint)),
    "cpu": Field("model of the processor", _of_run(lambda run: run.environment.cpu.model)),
    "board": Field("board, where it is known", _of_run(lambda run: run.environment.board)),
    "edgetl_version": Field("what measured", _of_run(lambda run: run.edgetl_version)),
    "python_version": Field("what it ran on", _of_run(lambda run: run.environment.python)),
    "batch": Field("items in one inference: latency is of all of them", _own(lambda one: one.batch)),
    **_intervals(),
    "latency_interval_reason": Field("why any of these is empty", _own(_no_intervals)),
    "compared_with": Field("the candidate whose median is 1, of the same run", _pair(lambda pair: pair.first)),
    "ratio": Field("of the medians; below 1 is faster", _pair(lambda pair: pair.comparison.ratio)),
    "ratio_low": Field("lower end of its 95 % interval", _pair(lambda pair: pair.comparison.low)),
    "ratio_high": Field("upper end", _pair(lambda pair: pair.comparison.high)),
    "ratio_p": Field("p-value after Holm's correction", _pair(lambda pair: pair.p_holm)),
    "ratio_verdict": Field("faster, slower, equivalent or inconclusive", _pair(lambda pair: pair.verdict)),
    "ratio_reason": Field("why any of these is empty", _no_ratio),
    "load_reason": Field("why `rate_hz`, `backlog` or `deadline_ns` is empty", _scenario(_no_load)),
    "strict": Field(
        "codes that `--strict` named, joined by spaces: what makes `verdict` invalid whatever its severity",
        _of_run(lambda run: None if run.strict is None else " ".join(run.strict)),
    ),
    "energy_source": Field(
        "sensor and channels that tell power: of the whole device, or, if it is `rapl`, of the processor package",
        _part("energy", "source"),
    ),
}
"""By name, in the order that files have; a later version adds columns at the end only."""
