"""Results with everything that a page can show."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from edgetl.check import Check
from edgetl.evaluation import Interval
from edgetl.ladder import Attempt, Ladder
from edgetl.layers import Layer, Layers
from edgetl.machine_state import Clock, MachineState, Pressure
from edgetl.measurement import SUPPORT, percentile
from edgetl.result import CandidateResult, Latency, Result
from edgetl.scenario import Scenario
from edgetl.telemetry import Channel, Energy, Missing, Series, Telemetry
from edgetl.validity import Finding, judged

BLOCKS = 6
SECOND = 1_000_000_000


def timed(samples_ns: list[int], starts_ns: tuple[int, ...] = (), blocks: int = BLOCKS) -> Latency:
    """Latency of those samples, in blocks of equal length."""
    samples = tuple(samples_ns)
    n = len(samples)
    found = {p: percentile(samples, p) if n >= needed else None for p, needed in SUPPORT.items()}
    lengths = (n // blocks,) * (blocks - 1)
    lengths = (*lengths, n - sum(lengths))
    return Latency("infer", n, *found.values(), min(samples), max(samples), 30, True, samples, lengths, starts_ns)


def noisy(median_ns: int, n: int, seed: int) -> list[int]:
    """Log-normal samples, a second mode, and a few spikes."""
    rng = np.random.default_rng(seed)
    samples = median_ns * np.exp(rng.normal(0, 0.05, n)) * np.where(rng.random(n) < 0.08, 1.3, 1.0)
    samples[rng.integers(0, n, 3)] *= 4
    return [int(one) for one in samples]


def candidate(name: str, median_ns: int, accuracy: float, rejected: str | None, order: int) -> CandidateResult:
    """A candidate of interleaved blocks, each of which starts a second after that of the candidate before."""
    variant, runtime, precision, _ = name.split("/")
    starts = tuple((1_000 + order + 4 * block) * SECOND for block in range(BLOCKS))
    codes = ("W-THROTTLED", "W-TURBO") if order == 2 else ("W-TURBO",)
    findings = [Finding(code, f"{code} was seen; do something about it") for code in codes]
    return CandidateResult(
        name,
        variant,
        "float" if precision == "fp32" else "x86-vnni",
        precision,
        runtime,
        2,
        (Check("accuracy", 0.026, 0.005, "fraction", order != 2, "it loses 2.6 points"),),
        Interval("balanced accuracy", accuracy, (accuracy - 0.02, accuracy + 0.018), 656),
        timed(noisy(median_ns, 1_200, order), starts),
        None,
        None,
        4_100_000 * (order + 1),
        rejected,
        throughput_per_s=1e9 / median_ns,
        overhead_ns=420.0,
        energy=Energy(None, None, None, None, None, 0, "no sensor tells power here"),
        layers=Layers("a profile", 20, (Layer("conv", "Conv", precision, median_ns),)),
        validity=judged(findings),
    )


@pytest.fixture
def full(result: Result) -> Result:
    """Four candidates with samples, sensors, states and findings."""
    candidates = (
        candidate("fp32/onnxruntime/fp32/2t", 6_500_000, 0.877, "slower than the chosen one (2.10 x)", 0),
        candidate("int8/openvino/int8/2t", 3_100_000, 0.872, None, 1),
        candidate("int8/onnxruntime/int8/2t", 3_900_000, 0.851, "accuracy: it loses 2.6 points", 2),
        candidate("fp32/openvino/bf16/2t", 3_700_000, 0.878, None, 3),
        replace(result.candidates[2], name="<b>x</b>/never/timed/2t"),
    )
    times = tuple((1_000 + half / 2) * SECOND for half in range(48))
    moments = tuple(map(int, times))
    series = (
        Series(Channel("thermal", "cpu-thermal", "temperature"), moments, tuple(50 + i / 4 for i in range(48))),
        Series(Channel("thermal", "gpu-thermal", "temperature"), moments, (None, *(44 + i / 9 for i in range(47)))),
        Series(Channel("cpufreq", "cpu0", "frequency"), moments, tuple(2.6e9 if i < 30 else 2.1e9 for i in range(48))),
        Series(Channel("cpu", "core0", "throttle-count"), moments, tuple(0.0 if i < 30 else i - 29 for i in range(48))),
    )
    telemetry = Telemetry(SECOND // 2, series, (Missing("rapl", "energy_uj can be read by root only"),))
    state = MachineState(
        (Clock("cpu0", 2_600_000_000, 800_000_000, 3_400_000_000, "schedutil"),),
        "on",
        *(None,) * 3,
        0.4,
        Pressure(0.01, 0.0, None),
        8 << 30,
        0,
        None,
        (0, 1),
        None,
        findings=(Finding("W-GOVERNOR", "governor schedutil changes clocks"),),
    )
    return replace(
        result,
        candidates=candidates,
        scenario=Scenario("single-stream"),
        started_utc="2025-11-22T04:00:00Z",
        state=state,
        telemetry=telemetry,
    )


@pytest.fixture
def ladder() -> Ladder:
    """Two attempts: the first misses its gate, the second is chosen."""
    missed = Check("accuracy drop", 0.2, 0.005, "fraction", False, "drop 20.00 points")
    kept = Check("accuracy drop", 0.001, 0.005, "fraction", True)
    first = Attempt("head as it was", "as it was", "percentile", False, missed, "accuracy drop: drop 20.00 points")
    second = replace(first, name="mse ranges", estimator="mse", passed=True, check=kept, reason="", int8_share=0.98)
    return Ladder(
        *("x86-vnni", "first", 600.0, (first, second), second.name, True),
        *((second.name, "float"), "'mse ranges' passes", "int8 share"),
    )
