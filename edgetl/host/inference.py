"""Many samples through one ONNX graph on the host, as fast as its CPUs allow."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edgetl.artifact import sha256_of
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing import Clock, Subject, interleave
from edgetl.device.probe import environment
from edgetl.errors import BackendError, MissingExtra
from edgetl.files import write_bytes
from edgetl.host.cache import Cache, digest
from edgetl.host.quantize.saturation.here import saturates_here
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.samples.series import block_medians
from edgetl.tensors import Array, Feed, feeds_of, shapes_of

TURNS = Plan(4, 0.0, 0.5, 0.02, block_s=0.08, min_blocks=6, min_samples=36, min_s=0.5, cap_s=3.0)
"""Enough to see which runtime is faster. Threads of a runtime wait busily for a while after its turn, which doubles the
time of the next one's first inferences: a block must be several times as long as that."""


@dataclass(frozen=True)
class Crew:
    """Runners that work side by side, each with its own threads."""

    runners: int
    threads: int

    @classmethod
    def many(cls, cpus: int) -> Crew:
        """One runner of one thread per CPU: most samples per second."""
        return cls(cpus, 1)

    @classmethod
    def alone(cls, cpus: int) -> Crew:
        """One runner with all threads: the least time for one sample, as on a device."""
        return cls(1, cpus)


@dataclass(frozen=True)
class Engine:
    """A graph and the runtime that is to run it."""

    model: Path
    runtime: str
    precision: str = "fp32"

    @property
    def exact_sums(self) -> bool:
        """Whether it is asked for exact sums, because this CPU's fast ones would not be those of the graph's targets.

        A graph for CPUs with VNNI is so judged by what it computes there, also on a host without.
        """
        return saturates_here(self.model, environment().cpu)

    @property
    def identity(self) -> dict[str, object]:
        """Everything that changes the numbers it computes: the graph, the runtime's version, the precision, the ISA."""
        version = find(BACKENDS, self.runtime, "runtime").probe().version
        cpu = environment().cpu
        return {
            "model": sha256_of(self.model),
            "runtime": [self.runtime, version, self.precision],
            "cpu": [cpu.architecture, *sorted(cpu.isa), *(["exact sums"] if self.exact_sums else [])],
        }


def installed() -> tuple[str, ...]:
    """Runtimes of this machine, at least one, in the order of their table.

    Raises:
        MissingExtra: no runtime is installed.
    """
    names = tuple(name for name in BACKENDS if find(BACKENDS, name, "runtime").probe().available)
    if not names:
        raise MissingExtra("onnxruntime", extra="onnxruntime")
    return names


def fastest(model: Path, precision: str, sample: Feed, crew: Crew, cache: Cache) -> Engine:
    """The runtime that is fastest for this graph on this machine, measured once and remembered.

    All are loaded and timed in turns: one after the other, whoever runs while others load the machine would lose.

    Args:
        model: an ONNX graph.
        precision: the graph's own; a float graph's features are never computed in reduced floats.
        sample: one of usual size.
        crew: what it is to be fastest with: many samples at a time, or one alone, as on a device.
        cache: where the answer is kept.

    Raises:
        MissingExtra: no runtime is installed.
        BackendError: every runtime refuses the graph.
    """
    names = installed()
    engines = [Engine(model, name, precision) for name in names]
    parts = ["in turns", [engine.identity for engine in engines], crew.runners, crew.threads, shapes_of(sample)]
    remembered = cache.measured("fastest", parts, ".json")
    known = _known(remembered)
    if known is not None and known in names:
        return Engine(model, known, precision)
    times = _times(engines, sample, crew)
    best = min(times, key=lambda engine: times[engine])
    write_bytes(remembered, msgspec.json.encode(best.runtime))
    return best


def run(engine: Engine, samples: Iterable[Feed], threads: int) -> Iterator[dict[str, Array]]:
    """The outputs for each sample, in order; a bounded number is in flight.

    One runner of one thread per CPU: on small networks that is faster than one runner with all threads.
    """
    with pool(engine, Crew.many(threads)) as infer:
        yield from _ordered(infer, samples, threads)


def collect(engine: Engine, samples: Iterable[Feed], threads: int) -> dict[str, Array]:
    """All outputs, stacked along the first dimension."""
    rows = list(run(engine, samples, threads))
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def relative_times(calls: Mapping[str, Subject], clock: Clock = time.perf_counter_ns) -> dict[str, float]:
    """What each call takes by the mean of all, by name: the median over rounds in which all had their turn.

    A machine that becomes slower meanwhile, or faster, does so for all of a round.
    """
    timed = interleave(calls, TURNS, clock)
    rounds = np.stack([block_medians(one.samples_ns, one.blocks) for one in timed.values()])
    shares = np.median(rounds / np.maximum(rounds.mean(axis=0), 1.0), axis=1)
    return dict(zip(timed, shares.tolist(), strict=True))


def _ordered(
    infer: Callable[[Feed], dict[str, Array]], samples: Iterable[Feed], threads: int
) -> Iterator[dict[str, Array]]:
    with ThreadPoolExecutor(threads) as executor:
        waiting: deque[Future[dict[str, Array]]] = deque()
        for sample in samples:
            waiting.append(executor.submit(infer, sample))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def pool(engine: Engine, crew: Crew) -> Iterator[Callable[[Feed], dict[str, Array]]]:
    """Runners of a graph as one call that takes a sample and waits for an idle one."""
    backend: Backend = find(BACKENDS, engine.runtime, "runtime")
    options = LoadOptions(crew.threads, engine.precision, batch=1, exact_sums=engine.exact_sums)
    idle: queue.SimpleQueue[Runner] = queue.SimpleQueue()
    with ExitStack() as loaded:
        for _ in range(crew.runners):
            runner = backend.load(backend.build(engine.model, options, None), options)
            loaded.callback(runner.close)
            idle.put(runner)
        inputs = runner.inputs

        def infer(sample: Feed) -> dict[str, Array]:
            runner = idle.get()
            try:
                return runner.infer(feeds_of(sample, inputs))
            finally:
                idle.put(runner)

        yield infer


def _known(file: Path) -> str | None:
    """The remembered answer, unless it is absent or damaged."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=str)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _times(engines: list[Engine], sample: Feed, crew: Crew) -> dict[Engine, float]:
    """Of each engine that takes the graph: ONNX Runtime, for one, has no bf16 kernels."""
    calls: dict[str, Subject] = {}
    refused: BackendError | None = None
    with ExitStack() as loaded:
        executor = loaded.enter_context(ThreadPoolExecutor(crew.runners))
        for engine in engines:
            try:
                call = _busy(loaded.enter_context(pool(engine, crew)), sample, crew, executor)
                call()
            except BackendError as error:
                refused = error
            else:
                calls[engine.runtime] = call
        if refused is not None and not calls:
            raise refused
        times = relative_times(calls)
    return {engine: times[engine.runtime] for engine in engines if engine.runtime in times}


def _busy(infer: Callable[[Feed], object], sample: Feed, crew: Crew, executor: ThreadPoolExecutor) -> Subject:
    """A call that keeps the whole crew at work."""
    if crew.runners == 1:
        return lambda: infer(sample)
    samples = [sample] * crew.runners
    return lambda: list(executor.map(infer, samples))


def identity_of(engine: Engine, *parts: object) -> str:
    """A cache key for what ``engine`` computes from ``parts``."""
    return digest([engine.identity, *parts])
