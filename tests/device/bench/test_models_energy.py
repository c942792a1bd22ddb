"""Energy of candidates that take turns: each runs alone for it."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.device.bench import energy_runs, models, watch
from edgetl.device.bench.models import BenchSettings, bench_models
from edgetl.device.bench.pacing import SPIN_NS, RealTime
from edgetl.device.bench.telemetry.recorder import recording
from edgetl.device.bench.timing import Clock
from edgetl.scenario import Scenario, ScenarioKind
from edgetl.telemetry import Telemetry
from edgetl.validity import Finding


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device whose power monitor always tells 6.21 W, read every 10 ms; candidates run alone for 0.5 s."""
    files = {
        "name": "ina3221",
        "hwmon/hwmon3/in1_label": "VDD_IN",
        "hwmon/hwmon3/in1_input": "4968",
        "hwmon/hwmon3/curr1_input": "1250",
    }
    for name, text in files.items():
        path = tmp_path / "board/sys/bus/i2c/devices/1-0040" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    monkeypatch.setattr(watch, "recording", functools.partial(recording, 0.01, str(tmp_path / "board"), ("ina3221",)))
    monkeypatch.setattr(watch, "IDLE_S", 0.5)
    monkeypatch.setattr(energy_runs, "_LEAST_NS", 500_000_000)


@pytest.mark.usefixtures("board")
@pytest.mark.parametrize("kind", ["single-stream", "periodic", "offline"])
def test_every_candidate_has_its_energy_where_power_is_told(
    classifier: Path, settings: BenchSettings, kind: ScenarioKind
) -> None:
    scenario = Scenario(kind, rate_hz=100.0 if kind == "periodic" else None)
    result = bench_models((classifier,), replace(settings, scenario=scenario, batch=3))
    assert len(result.candidates) == 2
    for candidate in result.candidates:
        found = candidate.energy
        assert found is not None
        assert found.source == "ina3221: VDD_IN"
        assert found.active_w == pytest.approx(6.21)
        assert found.idle_w == pytest.approx(6.21)
        ((start, end),) = found.windows_ns
        assert found.items
        assert found.items % 3 == 0
        assert found.per_inference_j == pytest.approx(6.21 * (end - start) / 1e9 / found.items)
        if candidate.latency is not None:
            # no sample is from the time alone
            assert max(candidate.latency.block_starts_ns) < start
            assert sum(candidate.latency.blocks) == candidate.latency.n


@pytest.mark.usefixtures("board")
def test_what_throttles_while_a_candidate_runs_alone_is_no_matter_of_latency(
    classifier: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    plain = watch.throttle_findings

    def judged(telemetry: Telemetry, window_ns: tuple[int, int], affinity: tuple[int, ...]) -> tuple[Finding, ...]:
        seen.append(window_ns)
        return plain(telemetry, window_ns, affinity)

    monkeypatch.setattr(watch, "throttle_findings", judged)
    (candidate,) = bench_models((classifier,), replace(settings, runtime="onnxruntime")).candidates
    assert candidate.energy is not None
    assert candidate.latency is not None
    assert seen
    for start, end in seen:
        assert start <= candidate.latency.block_starts_ns[0]
        assert candidate.latency.block_starts_ns[-1] < end <= candidate.energy.windows_ns[0][0]


@pytest.mark.usefixtures("board")
def test_energy_runs_never_wait_busily(
    classifier: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spun = []
    plain = models.RealTime

    def made(clock: Clock, spin_ns: int = SPIN_NS) -> RealTime:
        spun.append(spin_ns)
        return plain(clock, spin_ns=spin_ns)

    monkeypatch.setattr(models, "RealTime", made)
    bench_models((classifier,), replace(settings, runtime="onnxruntime"))
    assert spun == [SPIN_NS, 0]


@pytest.mark.usefixtures("board")
def test_at_a_rate_the_result_says_how_it_waited(classifier: Path, settings: BenchSettings) -> None:
    scenario = Scenario("periodic", rate_hz=100.0)
    paced = bench_models((classifier,), replace(settings, runtime="onnxruntime", scenario=scenario))
    assert "waits busily for the last 2 ms" in paced.remarks[-1]
    back_to_back = bench_models((classifier,), replace(settings, runtime="onnxruntime"))
    assert back_to_back.remarks == ()


def test_without_a_power_sensor_nothing_runs_longer_and_energy_says_why(
    classifier: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "recording", functools.partial(recording, 0.01, "/", ("raspberry-pi",)))
    monkeypatch.delattr(energy_runs, "run_alone")
    for candidate in bench_models((classifier,), settings).candidates:
        assert candidate.energy is not None
        assert candidate.energy.per_inference_j is None
        assert candidate.energy.reason == "no sensor tells what the whole device draws"
