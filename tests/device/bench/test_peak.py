from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from edgetl.device.bench.gemm import OPERATIONS, gemm_input
from edgetl.device.bench.peak import Place, measured_peak, peaks_of
from edgetl.device.cached_files import cached_files
from edgetl.device.probe import environment
from edgetl.environment import Environment
from edgetl.errors import BackendError
from edgetl.layers import Layers
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Availability, Backend, LoadOptions
from edgetl.tensors import Array, Batch, TensorSpec, check_feeds


@dataclass
class Machine:
    """A clock that work moves, and every reading by 1 ms."""

    now_ns: int = 0

    def clock(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


@dataclass
class FakeBackend:
    name: str
    machine: Machine
    takes_ns: int
    refuses: bool = False
    loaded: list[LoadOptions] = field(default_factory=list)
    closed: int = 0

    def probe(self) -> Availability:
        return Availability(True, "1")

    def import_runtime(self) -> None:
        pass

    def precisions(self, rendering: str, isa: tuple[str, ...]) -> tuple[str, ...]:
        return ("fp32", "bf16") if rendering == "float" else ("int8",)

    def build(self, model: Path, options: LoadOptions, cache: Path | None) -> Path:
        return model

    def load(self, built: Path, options: LoadOptions) -> FakeRunner:
        assert built.read_bytes()
        self.loaded.append(options)
        if self.refuses:
            raise BackendError("no such kernel")
        return FakeRunner(self, options.precision == "int8")

    def profile(self, built: Path, options: LoadOptions, feeds: Sequence[Batch], runs: int) -> Layers:
        raise NotImplementedError


class FakeRunner:
    def __init__(self, backend: FakeBackend, quantized: bool) -> None:
        self.backend = backend
        self.inputs = (TensorSpec("x", "uint8" if quantized else "float32", gemm_input(quantized).shape),)
        self.outputs: tuple[TensorSpec, ...] = ()

    def infer(self, feeds: Batch) -> dict[str, Array]:
        check_feeds(feeds, self.inputs)
        self.backend.machine.now_ns += self.backend.takes_ns
        return {}

    def close(self) -> None:
        self.backend.closed += 1


def quiet() -> Environment:
    return msgspec.structs.replace(environment(), load_average=None, memory_bytes=1 << 24)


def place(tmp_path: Path, *backends: FakeBackend, here: Environment | None = None) -> Place:
    machine = backends[0].machine if backends else Machine()
    found = {backend.name: backend for backend in backends}
    return Place(found, here or quiet(), tmp_path / "cache", tmp_path, machine.clock)


def test_the_best_runtime_is_the_peak(tmp_path: Path) -> None:
    machine = Machine()
    slow, fast = FakeBackend("slow", machine, 19_000_000), FakeBackend("fast", machine, 9_000_000)
    peak = measured_peak("fp32", 2, place(tmp_path, slow, fast))
    assert peak is not None
    assert (peak.runtime, peak.precision, peak.threads) == ("fast", "fp32", 2)
    assert peak.operations_per_s == pytest.approx(OPERATIONS / 0.010)  # reading the clock is 1 ms
    assert peak.bytes_per_s == pytest.approx(2 * (1 << 20) / 0.001)
    assert slow.loaded == fast.loaded == [LoadOptions(threads=2, precision="fp32", batch=None)]
    assert slow.closed == fast.closed == 1


def test_int8_multiplies_a_quantized_graph(tmp_path: Path) -> None:
    backend = FakeBackend("fast", Machine(), 1_000_000)
    assert measured_peak("int8", 1, place(tmp_path, backend)) is not None


def test_a_runtime_that_refuses_takes_no_part(tmp_path: Path) -> None:
    machine = Machine()
    refusing, other = FakeBackend("refusing", machine, 1, refuses=True), FakeBackend("other", machine, 9_000_000)
    peak = measured_peak("bf16", 1, place(tmp_path, refusing, other))
    assert peak is not None
    assert peak.runtime == "other"


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
def test_no_runtime_no_peak(tmp_path: Path, precision: str) -> None:
    backend = FakeBackend("refusing", Machine(), 1, refuses=True)
    assert measured_peak(precision, 1, place(tmp_path, backend)) is None
    assert not (tmp_path / "cache").exists()


def test_a_peak_is_measured_once_for_a_machine_and_threads(tmp_path: Path) -> None:
    backend = FakeBackend("fast", Machine(), 9_000_000)
    here = place(tmp_path, backend)
    first = measured_peak("fp32", 1, here)
    assert measured_peak("fp32", 1, here) == first
    assert len(backend.loaded) == 1
    measured_peak("fp32", 2, here)
    assert len(backend.loaded) == 2
    other = place(tmp_path, backend, here=msgspec.structs.replace(quiet(), kernel="another"))
    measured_peak("fp32", 1, other)
    assert len(backend.loaded) == 3


def test_a_run_measures_a_peak_once_where_none_is_kept(tmp_path: Path) -> None:
    backend = FakeBackend("fast", Machine(), 9_000_000)
    peak_of = peaks_of(replace(place(tmp_path, backend), cache_dir=None))
    first = peak_of("fp32", 1)
    backend.takes_ns = 19_000_000
    assert peak_of("fp32", 1) == first
    assert peak_of("fp32", 2) != first


def test_the_cache_lists_its_peaks(tmp_path: Path) -> None:
    measured_peak("fp32", 1, place(tmp_path, FakeBackend("fast", Machine(), 9_000_000)))
    assert [file.kind for file in cached_files(tmp_path / "cache")] == ["peaks", "peaks"]


@pytest.mark.parametrize("damage", [b"", b'"fast"', b"-1.0", b"0.0", b"\xff"])
def test_a_damaged_cache_is_measured_again(tmp_path: Path, damage: bytes) -> None:
    backend = FakeBackend("fast", Machine(), 9_000_000)
    here = place(tmp_path, backend)
    first = measured_peak("fp32", 1, here)
    for path in (tmp_path / "cache/peaks").iterdir():
        path.write_bytes(damage)
    assert measured_peak("fp32", 1, here) == first
    assert len(backend.loaded) == 2


@pytest.mark.parametrize(("others", "kept"), [(50, False), (3, True)])
def test_what_others_slowed_down_is_not_kept(tmp_path: Path, others: int, kept: bool) -> None:
    used = itertools.count()

    class Shared(FakeBackend):
        def load(self, built: Path, options: LoadOptions) -> FakeRunner:
            stat(next(used) * 100, others)
            return super().load(built, options)

    def stat(passed: int, busy: int) -> None:
        """Hundredths of a second since the start, of which others took a share in percent."""
        (tmp_path / "proc").mkdir(exist_ok=True)
        taken = passed * busy // 100
        (tmp_path / "proc/stat").write_text(f"cpu0 {1000 + taken} 0 0 {1000 + passed - taken} 0 0 0 0 0 0\n")

    stat(0, 0)
    next(used)
    assert measured_peak("fp32", 1, place(tmp_path, Shared("fast", Machine(), 9_000_000))) is not None
    rates = list((tmp_path / "cache").rglob("*.json"))
    assert len(rates) == (2 if kept else 1), "copying memory took no time of anyone"


def test_a_busy_machine_outside_the_container_keeps_no_peak_from_being_kept(tmp_path: Path) -> None:
    used = itertools.count()

    class Shared(FakeBackend):
        def load(self, built: Path, options: LoadOptions) -> FakeRunner:
            stat(next(used) * 100)
            return super().load(built, options)

    def stat(passed: int) -> None:
        """Two CPUs that others outside keep busy; of one and a half, this process took half."""
        files = {
            "proc/stat": "".join(f"cpu{cpu} {1000 + passed} 0 0 1000 0 0 0 0 0 0\n" for cpu in range(2)),
            "proc/self/cgroup": "0::/\n",
            "proc/self/stat": f"1 (x) R 1 1 1 0 -1 0 0 0 0 0 {passed // 2} 0 0 0 20 0\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/cpu.stat": f"usage_usec {passed * 5000}\n",
        }
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)

    stat(0)
    next(used)
    assert measured_peak("fp32", 1, place(tmp_path, Shared("fast", Machine(), 9_000_000))) is not None
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 2


def test_the_load_of_our_own_run_keeps_no_peak_from_being_kept(tmp_path: Path) -> None:
    backend = FakeBackend("fast", Machine(), 9_000_000)
    loaded = msgspec.structs.replace(quiet(), load_average=environment().cpu.allowed_cpus * 1.0)
    measured_peak("fp32", 1, place(tmp_path, backend, here=loaded))
    assert (tmp_path / "cache").exists()


def test_a_real_runtime_has_a_peak_and_keeps_it(tmp_path: Path) -> None:
    backends: dict[str, Backend] = {name: find(BACKENDS, name, "runtime") for name in BACKENDS}
    installed = {name: backend for name, backend in backends.items() if backend.probe().available}
    if not installed:
        pytest.skip("no runtime is installed")
    here = Place(installed, quiet(), tmp_path, root=tmp_path)
    peak = measured_peak("fp32", 1, here)
    assert peak is not None
    assert all(0 < rate < math.inf for rate in (peak.operations_per_s, peak.bytes_per_s))
    assert peak.runtime in installed
    standing = itertools.repeat(0)  # a clock that stands still would never end a measurement
    assert (
        measured_peak("fp32", 1, Place(installed, quiet(), tmp_path, root=tmp_path, clock=lambda: next(standing)))
        == peak
    )
