"""Plain ONNX files and bundles, timed side by side without judging what they compute."""

from __future__ import annotations

import datetime
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgetl import __version__
from edgetl.bundle import Bundle
from edgetl.device.bench.cold import measure_cold, still_starting
from edgetl.device.bench.energy_runs import energy_plan, energy_remarks, energy_runs
from edgetl.device.bench.executed import precision_of
from edgetl.device.bench.inputs import input_remarks, inputs_of, open_sizes, rooms
from edgetl.device.bench.judgement import Found, Run, candidate_result
from edgetl.device.bench.naming import identity_of_models
from edgetl.device.bench.overhead import Added, added
from edgetl.device.bench.pacing import RealTime
from edgetl.device.bench.peak import Place, peaks_of
from edgetl.device.bench.percent import percent_stage, timing_title
from edgetl.device.bench.plan import PLANS, Effort
from edgetl.device.bench.roofline import Count, roofline, uncounted, work_of
from edgetl.device.bench.scenarios import Load, run_scenario
from edgetl.device.bench.scenarios.alone import Alone
from edgetl.device.bench.scenarios.findings import pacing_remarks
from edgetl.device.bench.scenarios.schedule import check_rate
from edgetl.device.bench.side_by_side import side_by_side
from edgetl.device.bench.subjects import Inputs, Loaded, Timeable, Wanted, exact_here, load, subjects_of
from edgetl.device.bench.timing import Clock, Subject, Timed, throughput_per_s
from edgetl.device.bench.watch import Watch, watching
from edgetl.device.candidates import backends_of
from edgetl.device.probe import environment, machine_state
from edgetl.errors import BackendError, EdgeTLError, InputError
from edgetl.layers import Layers, Roofline
from edgetl.measurement import Scope, percentile
from edgetl.progress import Progress, Silent
from edgetl.result import SCHEMA, BundleIdentity, CandidateResult, Cold, Result
from edgetl.runner import Backend
from edgetl.samples.comparison import MARGIN
from edgetl.scenario import SINGLE_STREAM, Scenario
from edgetl.target import LOCAL, Target

_PROFILED_RUNS = 20


@dataclass(frozen=True)
class BenchSettings:
    """How to time; ``None`` is every runtime that is installed, and all CPUs this process may use."""

    effort: Effort
    cache_dir: Path
    runtime: str | None = None
    threads: int | None = None
    precision: str | None = None
    """Precision hint for float graphs; without one plain files run in fp32 and bundles in all that are worth trying."""
    seed: int = 0
    scenario: Scenario = SINGLE_STREAM
    scope: Scope = "infer"
    batch: int | None = None
    """Items in one inference; ``None`` is 1, or what a model takes whose batch is fixed."""
    layers: bool = False
    """Whether to profile layers and measure the machine's peak, after all timing."""
    count: Count = uncounted
    """What counts operations and bytes of a plain file."""
    strict: frozenset[str] = frozenset()
    """Codes of :data:`edgetl.validity.CODES` that make a measurement invalid."""
    margin: float = MARGIN
    """As a fraction, what difference between candidates is too small to matter."""

    @property
    def looks_at_layers(self) -> bool:
        """Whether layers are profiled: asked for, or needed to find a code that is strict."""
        return self.layers or "W-PRECISION" in self.strict


def bench_models(
    models: Sequence[Path | Bundle],
    settings: BenchSettings,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter_ns,
) -> Result:
    """Time models against each other in one run: latency of one inference, cold starts, and energy.

    Bundles get their golden samples, plain files random data of the declared shapes (see
    :func:`edgetl.device.feeds.random_feeds`). A runtime that refuses a model, or a start that fails, is reported in
    its place. Sensors are read meanwhile in a process of their own; whatever speaks against a number stands beside it.
    Where one tells power, each candidate then runs alone under the same load, for a few seconds, for its energy.

    Returns:
        ``selected`` is the fastest that is not invalid, ``comparisons`` what each candidate is against its reference
        (:func:`edgetl.device.bench.side_by_side.side_by_side`); no output is judged.

    Raises:
        MissingExtra: no runtime is installed, or not the one asked for.
        InputError: no model, or one of them cannot be read, or not be timed in this scope or batch.
        BackendError, Unsupported: no runtime loads, or none starts, any of them; this CPU computes none exactly.
    """
    if not models:
        raise InputError("nothing to time; give at least one ONNX file or bundle")
    target = LOCAL if settings.runtime is None else Target("local", runtimes=(settings.runtime,))
    wanted = Wanted(settings.cache_dir, settings.threads, settings.precision, settings.scope, settings.batch)
    subjects = exact_here(subjects_of(models, backends_of(target), wanted), progress or Silent())
    return msgspec.structs.replace(
        bench_subjects(subjects, settings, progress, clock), bundle=identity_of_models(models)
    )


def bench_subjects(
    subjects: Sequence[Timeable],
    settings: BenchSettings,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter_ns,
) -> Result:
    """Time subjects against each other in one run, each on its own runtime with its own threads and precision.

    Args:
        settings: whose ``runtime``, ``threads`` and ``precision`` do not count here.

    Returns:
        As :func:`bench_models`, without the bundle's identity.

    Raises:
        MissingExtra: the runtime of a subject is not installed.
        Unsupported: EdgeTL does not have it.
        InputError: no subject, a rate at which nothing falls due, or inputs that memory has no room for.
        BackendError: none of the subjects loads, or none starts.
    """
    if not subjects:
        raise InputError("nothing to time; no runtime takes the models in the precision asked for")
    check_rate(settings.scenario, PLANS[settings.effort].cap_s)
    backends = {one.runtime: backends_of(Target("local", (one.runtime,)))[one.runtime] for one in subjects}
    bench = _Bench(settings, backends, progress or Silent(), clock)
    wanted = Wanted(settings.cache_dir, scope=settings.scope, batch=settings.batch)
    loaded, refused = load(subjects, backends, wanted, settings.scenario.streams)
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    try:
        result = bench.measured(subjects, loaded, refused)
    finally:
        for one in loaded:
            one.close()
    return msgspec.structs.replace(result, started_utc=started)


@dataclass(frozen=True)
class _Bench:
    settings: BenchSettings
    backends: Mapping[str, Backend]
    progress: Progress
    clock: Clock
    sleep: Callable[[float], None] = time.sleep

    def measured(self, subjects: Sequence[Timeable], loaded: Sequence[Loaded], refused: Mapping[str, str]) -> Result:
        """Everything that was found, for a bundle that is named later."""
        here, settings = environment(), self.settings
        room = rooms(loaded, machine_state().memory_available_bytes)
        cold, failed = self._cold(loaded)
        started = tuple(one for one in loaded if one.subject.name in cold)
        reasons = {**refused, **failed}
        if not started:
            raise BackendError("; ".join(dict.fromkeys(reasons.values())))
        inputs = inputs_of(started, settings.seed, room)
        with watching(here, _threads(started), self.clock, settings.scenario.streams) as watch:
            watch.rest(self.sleep)
            watch.begin()
            calls = {one.subject.name: one.calls(inputs[one.subject.name]) for one in started}
            timed = self._timed(calls)
            watch.end()
            alone = self._alone(calls, watch)
        layers, rooflines = self._executed(started, inputs, timed)
        around = {one.subject.name: self._added(one, inputs) for one in started}
        overhead = {name: one.harness_ns for name, one in around.items()}
        run = Run(settings.scenario, settings.effort, overhead, watch, settings.strict)
        found = Found(cold, timed, reasons, alone, layers, rooflines, around)
        candidates = tuple(candidate_result(one, found, run) for one in subjects)
        selected = _fastest(timed, candidates)
        return Result(
            schema=SCHEMA,
            edgetl_version=__version__,
            bundle=BundleIdentity("", None, ""),
            target=LOCAL.name,
            effort=settings.effort,
            environment=here,
            candidates=candidates,
            selected=selected,
            passed=selected is not None,
            remarks=(*input_remarks(started, room, settings.batch), *self._remarks(watch, alone)),
            scenario=settings.scenario,
            state=msgspec.structs.replace(watch.state, findings=watch.findings),
            telemetry=watch.telemetry,
            comparisons=side_by_side(candidates, [one.source for one in subjects], settings.margin, settings.seed),
            strict=tuple(sorted(settings.strict)),
        )

    def _remarks(self, watch: Watch, alone: Mapping[str, tuple[Alone, ...]]) -> tuple[str, ...]:
        return (*pacing_remarks(self.settings.scenario), *energy_remarks(watch.telemetry, alone, watch.state.affinity))

    def _added(self, one: Loaded, inputs: Mapping[str, Inputs]) -> Added:
        feeds = inputs[one.subject.name].feeds
        return added(one.runners[0], feeds, self.clock, self.settings.scenario.streams)

    def _cold(self, loaded: Sequence[Loaded]) -> tuple[dict[str, Cold], dict[str, str]]:
        cold: dict[str, Cold] = {}
        failed: dict[str, str] = {}
        with self.progress.stage("start each candidate in a fresh process", len(loaded)) as step:
            for one in loaded:
                subject = one.subject
                try:
                    waiting = still_starting(subject.name, self.progress)
                    cold[subject.name] = measure_cold(subject.runtime, subject.model, subject.options, waiting)
                except BackendError as error:
                    failed[subject.name] = "; ".join(filter(None, (str(error), open_sizes(one))))
                step.advance()
        return cold, failed

    def _timed(self, calls: Mapping[str, Sequence[Subject]]) -> dict[str, Timed]:
        settings = self.settings
        how = Load(settings.scenario, PLANS[settings.effort])
        with percent_stage(self.progress, timing_title(len(calls), settings.effort)) as told:
            return run_scenario(calls, how, RealTime(self.clock), told)

    def _alone(self, calls: Mapping[str, Sequence[Subject]], watch: Watch) -> dict[str, tuple[Alone, ...]]:
        """Nothing where no sensor tells power, so that runs are no longer there."""
        if watch.idle_ns is None:
            return {}
        plan = energy_plan(watch.telemetry, self.settings.effort)
        with percent_stage(self.progress, "run each candidate alone for its energy") as told:
            return energy_runs(calls, self.settings.scenario, plan, RealTime(self.clock, spin_ns=0), told)

    def _executed(
        self, started: Sequence[Loaded], inputs: Mapping[str, Inputs], timed: Mapping[str, Timed]
    ) -> tuple[dict[str, Layers], dict[str, Roofline]]:
        if not self.settings.looks_at_layers:
            return {}, {}
        layers = self._layers(started, inputs)
        return layers, self._rooflines(started, inputs, timed, layers)

    def _layers(self, loaded: Sequence[Loaded], inputs: Mapping[str, Inputs]) -> dict[str, Layers]:
        layers: dict[str, Layers] = {}
        with self.progress.stage("profile layers", len(loaded)) as step:
            for one in loaded:
                subject, backend = one.subject, self.backends[one.subject.runtime]
                try:
                    feeds = inputs[subject.name].feeds
                    layers[subject.name] = backend.profile(one.built, subject.options, feeds, _PROFILED_RUNS)
                except (EdgeTLError, OSError) as error:
                    # half an hour of timing is not thrown away for what comes after it
                    layers[subject.name] = Layers(subject.runtime, 0, (), f"profiling failed: {error}")
                step.advance()
        return layers

    def _rooflines(
        self,
        loaded: Sequence[Loaded],
        inputs: Mapping[str, Inputs],
        timed: Mapping[str, Timed],
        layers: Mapping[str, Layers],
    ) -> dict[str, Roofline]:
        peak_of = peaks_of(Place(self.backends, environment(), self.settings.cache_dir, clock=self.clock))
        rooflines: dict[str, Roofline] = {}
        with self.progress.stage("measure what this machine reaches", len(loaded)) as step:
            for one in loaded:
                subject, options, feeds = one.subject, one.subject.options, inputs[one.subject.name].feeds
                median = None if self.settings.scenario.streams > 1 else _inference_median_ns(subject, timed)
                try:
                    precision = precision_of(layers[subject.name], options.precision, subject.rendering)
                    peak = peak_of(precision, options.threads)
                    found = roofline(work_of(subject, feeds[0], self.settings.count), peak, median)
                except (EdgeTLError, OSError) as error:
                    found = Roofline(None, None, None, None, None, f"measuring the peak failed: {error}")
                rooflines[subject.name] = found
                step.advance()
        return rooflines


def _inference_median_ns(subject: Timeable, timed: Mapping[str, Timed]) -> int | None:
    """Of one inference of a model alone; unknown where only throughput, or the whole way from an image, was timed."""
    times = timed[subject.name]
    samples = times.service_ns or times.samples_ns
    return percentile(samples, 50.0) if samples and subject.scope == "infer" else None


def _threads(started: Sequence[Loaded]) -> int:
    return max(one.subject.options.threads for one in started)


def _fastest(timed: Mapping[str, Timed], candidates: Sequence[CandidateResult]) -> str | None:
    """By median latency, or throughput where nothing but that was measured; of what is not invalid."""

    def slowness(name: str) -> float:
        if timed[name].samples_ns:
            return float(statistics.median(timed[name].samples_ns))
        return -(throughput_per_s(timed[name]) or 0.0)

    invalid = {one.name for one in candidates if one.validity is not None and one.validity.verdict == "invalid"}
    return min((name for name in timed if name not in invalid), key=slowness, default=None)
