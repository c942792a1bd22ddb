from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgetl.bundle import Bundle
from edgetl.check import Check
from edgetl.device import decided, measure
from edgetl.device.bench.percent import Told
from edgetl.device.bench.plan import Plan
from edgetl.device.bench.timing import Clock, Subject, Timed
from edgetl.device.feeds import golden_room
from edgetl.device.probe import environment
from edgetl.device.qualify import Settings, qualify, result_path, stored_result
from edgetl.device.tasks.classify import ClassifyTask
from edgetl.device.tasks.tensor import TensorTask
from edgetl.environment import Environment
from edgetl.errors import BackendError
from edgetl.evaluation import OtherRuntime
from edgetl.gates import Gates, TargetGates
from edgetl.plugins import BACKENDS, find
from edgetl.progress import Silent, Step
from edgetl.report.text import verdict
from edgetl.result import CandidateResult, Cold, Result
from edgetl.runner import LoadOptions
from edgetl.target import LOCAL, Target
from edgetl.tensors import Array, Batch

ORT = Target("local", runtimes=("onnxruntime",), threads=(1,))
FLOAT, INT8 = "fp32/onnxruntime/fp32/1t", "int8-x86-vnni/onnxruntime/int8/1t"
Make = Callable[..., Bundle]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Latencies in ms by the beginning of a candidate's name; nothing is really timed nor started."""
    latencies = {"fp32": 4.0, "int8": 2.0}

    def interleave(subjects: Mapping[str, Subject], plan: Plan, clock: Clock, told: Told) -> dict[str, Timed]:
        for call in subjects.values():
            call()
        n = plan.min_samples
        return {
            name: Timed(_samples(latencies[name[:4]], n), (n // 8,) * 7 + (n - 7 * (n // 8),), 9, True)
            for name in subjects
        }

    monkeypatch.setattr(measure, "interleave", interleave)
    monkeypatch.setattr(decided, "interleave", interleave)
    monkeypatch.setattr(measure, "measure_cold", lambda *_: Cold(1, 2, 3, 100_000_000))
    here = environment()
    monkeypatch.setattr("edgetl.device.qualify.environment", lambda: _with_vnni(here))
    return latencies


def _with_vnni(here: Environment) -> Environment:
    return msgspec.structs.replace(here, cpu=msgspec.structs.replace(here.cpu, isa=("avx512_vnni",)))


def _samples(median_ms: float, n: int) -> tuple[int, ...]:
    wobble = itertools.cycle((-1, 0, 1))
    return tuple(int(median_ms * 1e6) + 1000 * next(wobble) for _ in range(n))


def run(bundle: Bundle, tmp_path: Path, target: Target = ORT) -> Result:
    return qualify(bundle, target, Settings("quick", tmp_path / "cache", watch=None))


def test_the_fastest_candidate_that_passes_is_selected(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(), tmp_path)
    assert result.passed
    assert result.selected == INT8
    assert result.candidate(INT8).rejected_because is None
    assert "2.00x the latency of the chosen one" in (result.candidate(FLOAT).rejected_because or "")


def test_int8_that_is_not_faster_is_rejected_with_its_numbers(
    make_bundle: Make, tmp_path: Path, machine: dict[str, float]
) -> None:
    machine["int8"] = 8.4
    result = run(make_bundle(), tmp_path)
    assert result.selected == FLOAT
    assert "2.10x" in (result.candidate(INT8).rejected_because or "")


def test_a_candidate_that_misses_parity_is_rejected_and_not_timed(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(int8_reference_seed=99), tmp_path)
    rejected = result.candidate(INT8)
    assert result.selected == FLOAT
    assert "parity of logits" in (rejected.rejected_because or "")
    assert rejected.latency is None


def test_what_the_host_rejected_stays_rejected(make_bundle: Make, tmp_path: Path) -> None:
    failed = Check("accuracy drop", 0.16, 0.005, "fraction", False, "drop 16.00 points", 656)
    result = run(make_bundle(host_checks=(failed,)), tmp_path)
    assert result.selected == FLOAT
    assert "accuracy drop: drop 16.00 points" in (result.candidate(INT8).rejected_because or "")


def judged_in_openvino(passed: bool = True) -> OtherRuntime:
    check = Check("accuracy drop (openvino)", 0.0 if passed else 0.16, 0.005, "fraction", passed, "16 points", 656)
    return OtherRuntime("openvino", None, "none", (check,))


def candidates_of_int8(result: Result) -> dict[str, CandidateResult]:
    return {one.runtime: one for one in result.candidates if one.variant == "int8-x86-vnni"}


def _floats(result: Result) -> list[CandidateResult]:
    return [one for one in result.candidates if one.variant == "fp32"]


def test_a_candidate_is_compared_with_what_the_host_computed_in_its_own_runtime(
    make_bundle: Make, tmp_path: Path
) -> None:
    # the host computed something else in ONNX Runtime, and in OpenVINO what this machine computes
    bundle = make_bundle(int8_reference_seed=99, other_runtimes=(judged_in_openvino(),))
    found = candidates_of_int8(run(bundle, tmp_path, LOCAL))
    assert found["openvino"].rejected_because is None
    assert [check.passed for check in found["openvino"].checks if check.name == "accuracy drop (openvino)"] == [True]
    assert "parity of logits" in (found["onnxruntime"].rejected_because or "")
    assert not any("(openvino)" in check.name for check in found["onnxruntime"].checks)


def test_without_outputs_of_its_own_runtime_a_candidate_is_compared_with_the_host_s(
    make_bundle: Make, tmp_path: Path
) -> None:
    found = candidates_of_int8(run(make_bundle(int8_reference_seed=99), tmp_path, LOCAL))
    assert "parity of logits" in (found["openvino"].rejected_because or "")


def test_what_failed_in_one_runtime_on_the_host_rejects_its_candidates_only(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(other_runtimes=(judged_in_openvino(passed=False),)), tmp_path, LOCAL)
    found = candidates_of_int8(result)
    assert "accuracy drop (openvino): 16 points" in (found["openvino"].rejected_because or "")
    assert all(check.passed for check in found["onnxruntime"].checks)
    assert (result.selected or "").startswith("int8-x86-vnni/onnxruntime/")
    assert all(one.rejected_because is None or "openvino)" not in one.rejected_because for one in _floats(result))


def test_equal_outputs_transfer_the_accuracy_without_statistics(make_bundle: Make, tmp_path: Path) -> None:
    # 24 samples are far too few for a margin of 0.1 points
    result = run(make_bundle(gates=Gates(margin=0.001), n=24), tmp_path)
    for candidate in result.candidates:
        check = next(check for check in candidate.checks if check.name == "accuracy transfer")
        assert check.passed
        assert "none of 24 decisions differs" in check.reason


def test_accuracy_is_that_of_this_machine(make_bundle: Make, tmp_path: Path) -> None:
    accuracy = run(make_bundle(), tmp_path).candidate(FLOAT).accuracy
    assert accuracy is not None
    assert (accuracy.value, accuracy.n) == (1.0, 96)


def test_without_labels_parity_and_latency_decide(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(labelled=False), tmp_path)
    assert result.passed
    assert all(candidate.accuracy is None for candidate in result.candidates)
    assert all(check.name != "accuracy transfer" for c in result.candidates for check in c.checks)


DIFFERS = (Check("parity", 2.0, 1.0, "", False),)
"""Of outputs that are not the host's within fp32 tolerance."""


def test_without_labels_the_limit_on_errors_holds_on_this_device(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(labelled=False, gates=Gates(output_error_max=0.1))
    assert run(bundle, tmp_path).selected == INT8, "outputs that equal the host's were judged there"
    monkeypatch.setattr("edgetl.device.evaluate.parity", lambda *_: DIFFERS)
    result = run(bundle, tmp_path)
    assert result.selected == FLOAT
    assert "output error on this device: output 'logits' is off by" in (result.candidate(INT8).rejected_because or "")
    check = next(one for one in result.candidate(FLOAT).checks if one.name == "output error on this device")
    assert (check.value, check.passed) == (0.0, True)


@pytest.mark.parametrize(("changed", "passes"), [(0, True), (1, True), (20, False)])
def test_without_labels_decisions_may_change_as_little_on_this_device(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: int, passes: bool
) -> None:
    real, calls = TensorTask.decisions, itertools.count()

    def decisions(self: TensorTask, outputs: Batch) -> Array:
        found = real(self, outputs)
        if next(calls) % 2:
            found[:changed] += 1
        return found

    monkeypatch.setattr(TensorTask, "decisions", decisions)
    monkeypatch.setattr("edgetl.device.evaluate.parity", lambda *_: DIFFERS)
    judged = (Check("changed decisions", 0.0, 0.005, "fraction", True),)
    result = run(make_bundle(labelled=False, gates=Gates(margin=0.07), host_checks=judged), tmp_path)
    check = next(one for one in result.candidate(INT8).checks if one.name == "changed decisions on this device")
    assert check.passed == passes
    assert check.value == pytest.approx(changed / 96)
    assert (result.selected == INT8) == passes


def test_a_latency_gate_extends_the_run_until_it_can_be_judged(make_bundle: Make, tmp_path: Path) -> None:
    gates = Gates(margin=0.05, target={"local": TargetGates(latency_p99_ms_max=3.0)})
    result = run(make_bundle(gates=gates), tmp_path)
    latency = result.candidate(FLOAT).latency
    assert latency is not None
    assert latency.n == 662
    assert result.selected == INT8
    assert "at most 3 ms is allowed" in (result.candidate(FLOAT).rejected_because or "")


def test_a_gate_of_another_target_is_not_judged_and_that_is_told(make_bundle: Make, tmp_path: Path) -> None:
    warned: list[str] = []

    class Listener(Silent):
        def warn(self, message: str) -> None:
            warned.append(message)

    gates = Gates(margin=0.05, target={"jetson": TargetGates(latency_p50_ms_max=0.001), "local": TargetGates()})
    result = qualify(make_bundle(gates=gates), ORT, Settings("quick", tmp_path / "cache", watch=None), Listener())
    assert result.passed
    assert result.remarks == ("gates for target 'jetson': not judged here, this run is for target 'local'",)
    assert tuple(warned) == result.remarks
    assert any("'jetson': not judged" in sentence for sentence in verdict(result))


def test_one_lost_decision_of_few_does_not_fail_the_transfer(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ClassifyTask.hits
    calls = itertools.count()

    def hits(self: ClassifyTask, outputs: Batch, labels: Array) -> Array:
        found = real(self, outputs, labels)
        if next(calls) % 2:
            found[np.flatnonzero(found)[0]] = False
        return found

    monkeypatch.setattr(ClassifyTask, "hits", hits)
    monkeypatch.setattr("edgetl.device.evaluate.parity", lambda *_: (Check("parity", 2.0, 1.0, "", False),))
    result = run(make_bundle(gates=Gates(margin=0.07)), tmp_path)
    check = next(check for check in result.candidate(FLOAT).checks if check.name == "accuracy transfer")
    assert check.value == pytest.approx(1 / 96)
    assert check.passed


def test_when_nothing_passes_nothing_is_selected_and_every_reason_is_told(make_bundle: Make, tmp_path: Path) -> None:
    gates = Gates(margin=0.05, target={"local": TargetGates(latency_p50_ms_max=0.001)})
    result = run(make_bundle(gates=gates), tmp_path)
    assert (result.passed, result.selected) == (False, None)
    assert all(candidate.rejected_because for candidate in result.candidates)
    assert all(candidate.end_to_end is None for candidate in result.candidates)


def test_a_size_gate_rejects(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(gates=Gates(size_mb_max=0.0001)), tmp_path)
    assert not result.passed
    assert "at most 0.0001 MB" in (result.candidate(FLOAT).rejected_because or "")


def test_a_runtime_that_refuses_the_model_rejects_the_candidate_only(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Path:
        raise BackendError("openvino cannot compile it: operation 'X' is unknown")

    monkeypatch.setattr(find(BACKENDS, "openvino", "runtime"), "build", refuse, raising=False)
    result = run(make_bundle(), tmp_path, LOCAL)
    refused = [c for c in result.candidates if c.runtime == "openvino"]
    assert refused
    assert all("operation 'X' is unknown" in (c.rejected_because or "") for c in refused)
    assert result.passed


def test_a_failed_cold_start_rejects_the_candidate_only(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(runtime: str, model: Path, options: LoadOptions, waiting: object) -> Cold:
        if options.precision == "int8":
            raise BackendError("a cold start failed with exit code -9: no error output")
        return Cold(1, 2, 3, None)

    monkeypatch.setattr(measure, "measure_cold", start)
    result = run(make_bundle(), tmp_path)
    assert result.selected == FLOAT
    assert "exit code -9" in (result.candidate(INT8).rejected_because or "")


def test_both_runtimes_agree_with_the_host(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(), tmp_path, LOCAL)
    assert {c.runtime for c in result.candidates} == {"onnxruntime", "openvino"}
    assert all(check.passed for c in result.candidates for check in c.checks)


def test_chosen_and_baseline_are_timed_from_image_to_prediction(make_bundle: Make, tmp_path: Path) -> None:
    result = run(make_bundle(), tmp_path)
    scopes = {c.name: c.end_to_end.scope for c in result.candidates if c.end_to_end is not None}
    assert scopes == {FLOAT: "end-to-end", INT8: "end-to-end"}


def test_the_result_is_kept_for_this_bundle_target_effort_and_machine(make_bundle: Make, tmp_path: Path) -> None:
    bundle, settings = make_bundle(), Settings("quick", tmp_path / "cache", watch=None)
    result = qualify(bundle, ORT, settings)
    here = result.environment
    assert result_path(bundle, tmp_path / "cache", here).is_file()
    assert stored_result(bundle, ORT, settings, here) == result
    assert stored_result(bundle, ORT, Settings("standard", tmp_path / "cache", watch=None), here) is None
    assert stored_result(bundle, Target("other", ("onnxruntime",)), settings, here) is None
    assert stored_result(bundle, ORT, Settings("quick", tmp_path / "empty", watch=None), here) is None


def test_feeds_leave_the_golden_samples_alone(make_bundle: Make, tmp_path: Path) -> None:
    bundle = make_bundle()
    before = bundle.golden().inputs["image"]
    run(bundle, tmp_path)
    np.testing.assert_array_equal(bundle.golden().inputs["image"], before)


def test_large_golden_samples_are_fed_from_as_few_copies_as_fit(
    make_bundle: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    turning = measure.rotating

    def rotating(infer: Callable[[Batch], object], feeds: tuple[Batch, ...]) -> Subject:
        found.append(len(feeds))
        return turning(infer, feeds)

    monkeypatch.setattr(measure, "rotating", rotating)
    bundle = make_bundle(encoded=0)
    run(bundle, tmp_path)
    one = bundle.golden().inputs["image"][0].nbytes
    monkeypatch.setattr(measure, "golden_room", functools.partial(golden_room, limit_bytes=3 * one))
    run(bundle, tmp_path)
    assert set(found[: len(found) // 2]) == {16}
    assert set(found[len(found) // 2 :]) == {3}


def test_a_quick_run_does_not_replace_a_longer_one(make_bundle: Make, tmp_path: Path) -> None:
    bundle, cache = make_bundle(), tmp_path / "cache"
    long, quick = Settings("standard", cache, watch=None), Settings("quick", cache, watch=None)
    kept = qualify(bundle, ORT, long)
    passing = qualify(bundle, ORT, quick)
    assert passing.effort == "quick"
    assert stored_result(bundle, ORT, long, kept.environment) == kept
    again = qualify(bundle, ORT, Settings("rigorous", cache, watch=None))
    assert stored_result(bundle, ORT, Settings("rigorous", cache, watch=None), again.environment) == again


def test_a_damaged_record_is_replaced(make_bundle: Make, tmp_path: Path) -> None:
    bundle, settings = make_bundle(), Settings("quick", tmp_path / "cache", watch=None)
    result = qualify(bundle, ORT, settings)
    result_path(bundle, tmp_path / "cache", result.environment).write_bytes(b"{")
    assert stored_result(bundle, ORT, settings, result.environment) is None
    again = qualify(bundle, ORT, settings)
    assert stored_result(bundle, ORT, settings, again.environment) == again


def test_every_stage_says_how_much_there_is_to_do(make_bundle: Make, tmp_path: Path) -> None:
    totals: dict[str, int | None] = {}

    class Listener(Silent):
        @contextmanager
        def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
            totals[title] = total
            with super().stage(title, total) as step:
                yield step

    qualify(make_bundle(), ORT, Settings("quick", tmp_path / "cache", watch=None), Listener())
    assert len(totals) == 4
    assert all(totals.values())
