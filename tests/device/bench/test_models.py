from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import onnx
import pytest

from edgetl.bundle import Bundle
from edgetl.device.backends.onnxruntime import OnnxRuntimeBackend
from edgetl.device.bench import models
from edgetl.device.bench.cold import Waiting
from edgetl.device.bench.models import BenchSettings, bench_models, bench_subjects
from edgetl.device.bench.onnx_bytes import Graph, Node, onnx_bytes
from edgetl.device.bench.subjects import Timeable, Wanted, subjects_of
from edgetl.device.bench.timing import Timed
from edgetl.device.probe import environment
from edgetl.errors import BackendError, InputError, Unsupported
from edgetl.layers import Layers, Peak, Work
from edgetl.measurement import percentile
from edgetl.progress import Silent
from edgetl.result import CandidateResult, Cold
from edgetl.runner import LoadOptions
from edgetl.samples.findings import series_findings
from edgetl.scenario import Scenario
from edgetl.tensors import TensorSpec
from edgetl.validity import Validity, judged


def test_a_plain_file_runs_on_every_runtime(classifier: Path, settings: BenchSettings) -> None:
    result = bench_models((classifier,), settings)
    assert [c.name for c in result.candidates] == [
        "classifier.onnx/onnxruntime/fp32/1t",
        "classifier.onnx/openvino/fp32/1t",
    ]
    assert all(c.latency is not None and c.latency.n >= 64 for c in result.candidates)
    assert result.selected in {c.name for c in result.candidates}
    assert result.bundle.name == "classifier.onnx"


def test_files_of_one_name_are_told_apart(classifier: Path, settings: BenchSettings, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    twin = Path(shutil.copy(classifier, tmp_path / "b" / classifier.name))
    result = bench_models((classifier, twin), replace(settings, runtime="onnxruntime"))
    assert [c.name for c in result.candidates] == [
        f"{path.parent.name}/classifier.onnx/onnxruntime/fp32/1t" for path in (classifier, twin)
    ]
    assert result.bundle.name == f"{classifier.parent.name}/classifier.onnx, b/classifier.onnx"
    (pair,) = result.comparisons or ()
    assert (pair.first, pair.second) == tuple(c.name for c in result.candidates)
    assert pair.comparison.paired
    assert result.passed


def test_one_model_given_twice_is_timed_twice_and_compared(classifier: Path, settings: BenchSettings) -> None:
    result = bench_models((classifier, classifier), settings)
    first, other, second, last = result.candidates
    assert [first.variant, second.variant] == ["classifier.onnx#1", "classifier.onnx#2"]
    assert first.latency is not None
    assert second.latency is not None
    assert first.latency.block_starts_ns != second.latency.block_starts_ns
    pairs = result.comparisons or ()
    assert [(pair.first, pair.second) for pair in pairs] == [(first.name, second.name), (other.name, last.name)]


def test_bundles_of_one_name_are_told_apart(
    make_bundle: Callable[..., Bundle], settings: BenchSettings, tmp_path: Path
) -> None:
    bundle = make_bundle()
    (tmp_path / "b").mkdir()
    twin = Bundle.open(Path(shutil.copy(bundle.path, tmp_path / "b" / bundle.path.name)))
    result = bench_models((bundle, twin), replace(settings, runtime="onnxruntime"))
    above = bundle.path.parent.name
    assert list(dict.fromkeys(c.variant.rpartition("/")[0] for c in result.candidates)) == [
        f"{above}/cells.edgetl",
        "b/cells.edgetl",
    ]
    assert result.bundle.name == f"{above}/cells.edgetl, b/cells.edgetl"


def test_a_bundle_brings_all_its_variants(make_bundle: Callable[..., Bundle], settings: BenchSettings) -> None:
    result = bench_models((make_bundle(),), replace(settings, runtime="onnxruntime"))
    assert [c.variant for c in result.candidates] == ["cells.edgetl/fp32", "cells.edgetl/int8-x86-vnni"]


def test_a_model_that_no_runtime_takes_is_an_error(tmp_path: Path, settings: BenchSettings) -> None:
    with pytest.raises(BackendError, match=r"cannot load .*unknown\.onnx"):
        bench_models((unknown_operation(tmp_path),), replace(settings, runtime="onnxruntime"))


def test_a_refused_model_does_not_stop_the_others(classifier: Path, tmp_path: Path, settings: BenchSettings) -> None:
    result = bench_models((unknown_operation(tmp_path), classifier), replace(settings, runtime="onnxruntime"))
    unknown, sound = result.candidates
    assert "cannot load" in (unknown.rejected_because or "")
    assert unknown.latency is None
    assert sound.latency is not None


def unknown_operation(folder: Path) -> Path:
    """A sound file, for which no runtime has a kernel."""
    ends = TensorSpec("x", "float32", (1, 4)), TensorSpec("y", "float32", (1, 4))
    (path := folder / "unknown.onnx").write_bytes(onnx_bytes(Graph([Node("Nothing", ("x",), "y")], ends[:1], ends[1:])))
    return path


def test_a_damaged_model_is_refused_before_any_other_is_loaded(
    classifier: Path, tmp_path: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (damaged := tmp_path / "damaged.onnx").write_bytes(classifier.read_bytes()[:-40])
    monkeypatch.setattr(models, "load", lambda *_: pytest.fail("it loaded"))
    with pytest.raises(InputError, match=r"damaged\.onnx' is no ONNX file"):
        bench_models((classifier, damaged), settings)


def with_weights_beside(classifier: Path, folder: Path, value: float) -> Path:
    """The classifier with all weights ``value``, in a file of their own."""
    folder.mkdir()
    model = onnx.load(classifier)
    model.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(np.full((192, 3), value, np.float32), model.graph.initializer[0].name)
    )
    onnx.save(model, folder / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    return folder / "m.onnx"


def test_weights_beside_a_model_count_and_decide_which_it_is(
    classifier: Path, tmp_path: Path, settings: BenchSettings
) -> None:
    one, other = (with_weights_beside(classifier, tmp_path / name, value) for name, value in (("a", 0.0), ("b", 1.0)))
    assert one.read_bytes() == other.read_bytes()
    found = [bench_models((path,), replace(settings, runtime="onnxruntime")) for path in (one, other)]
    assert found[0].bundle.sha256 != found[1].bundle.sha256
    assert found[0].candidates[0].size_bytes == one.stat().st_size + 192 * 3 * 4


def test_a_bundle_that_no_runtime_can_run_as_asked_is_named(
    make_bundle: Callable[..., Bundle], classifier: Path, tmp_path: Path
) -> None:
    class Nothing(OnnxRuntimeBackend):
        def precisions(self, rendering: str, isa: tuple[str, ...]) -> tuple[str, ...]:
            return ()

    words = r"bundle 'cells\.edgetl' has no variant that onnxruntime could run .*fp32, int8-x86-vnni"
    with pytest.raises(InputError, match=words):
        subjects_of((classifier, make_bundle()), {"onnxruntime": Nothing()}, Wanted(tmp_path, 1))


def test_a_missing_file_is_named(tmp_path: Path, settings: BenchSettings) -> None:
    with pytest.raises(InputError, match=r"there is no file .*absent\.onnx"):
        bench_models((tmp_path / "absent.onnx",), settings)


def test_a_runtime_that_does_not_compute_in_a_precision_is_rejected_for_it(
    classifier: Path, settings: BenchSettings
) -> None:
    asked = replace(settings, precision="bf16")
    # with AVX-512 alone OpenVINO emulates bf16
    if {"avx512_bf16", "amx_bf16", "avx512f"} & set(environment().cpu.isa):
        ours, _ = bench_models((classifier,), asked).candidates
        assert ours.latency is None
        assert "nothing in 'classifier.onnx' is bf16 (it has: fp32)" in (ours.rejected_because or "")
    else:
        with pytest.raises(BackendError, match="openvino computes in f32 on this CPU when asked for bf16"):
            bench_models((classifier,), asked)
    with pytest.raises(BackendError, match="leave bf16 out, or convert the graph"):
        bench_models((classifier,), replace(asked, runtime="onnxruntime"))


def test_a_graph_that_this_cpu_computes_wrongly_is_not_timed(
    make_bundle: Callable[..., Bundle], settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = environment()
    old = msgspec.structs.replace(here.cpu, architecture="x86_64", isa=("avx2",))
    monkeypatch.setattr("edgetl.device.bench.subjects.environment", lambda: msgspec.structs.replace(here, cpu=old))
    warnings: list[str] = []

    class Warned(Silent):
        def warn(self, message: str) -> None:
            warnings.append(message)

    result = bench_models((make_bundle(rendering="x86-vnni"),), replace(settings, runtime="onnxruntime"), Warned())
    assert [one.variant for one in result.candidates] == ["cells.edgetl/fp32"]
    (warning,) = warnings
    assert "int8-x86-vnni is not timed: rendering 'x86-vnni' needs VNNI or AMX on x86" in warning


def test_a_strict_code_that_layers_tell_looks_at_layers(classifier: Path, settings: BenchSettings) -> None:
    strict = replace(settings, runtime="onnxruntime", strict=frozenset({"W-PRECISION"}))
    (candidate,) = bench_models((classifier,), strict).candidates
    assert candidate.layers is not None
    assert candidate.layers.layers


def test_a_profile_or_a_peak_that_fails_costs_no_timing(
    classifier: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Layers:
        raise BackendError("onnxruntime failed while running the model: out of memory")

    def full(*_: object) -> Peak:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(OnnxRuntimeBackend, "profile", refuse)
    monkeypatch.setattr(models, "peaks_of", lambda place: full)
    (candidate,) = bench_models((classifier,), replace(settings, runtime="onnxruntime", layers=True)).candidates
    assert candidate.latency is not None
    assert candidate.layers is not None
    assert candidate.layers.reason == "profiling failed: onnxruntime failed while running the model: out of memory"
    assert candidate.roofline is not None
    assert "No space left" in (candidate.roofline.reason or "")


def test_a_failed_start_rejects_that_model_only(
    classifier: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(runtime: str, model: Path, options: LoadOptions, waiting: Waiting) -> Cold:
        if runtime == "openvino":
            raise BackendError("a cold start failed with exit code -9: no error output")
        return Cold(1, 1, 1, None)

    monkeypatch.setattr(models, "measure_cold", start)
    sound, failed = bench_models((classifier,), settings).candidates
    assert sound.latency is not None
    assert failed.latency is None
    assert "exit code -9" in (failed.rejected_because or "")


def test_when_nothing_starts_the_reason_is_told(
    classifier: Path, settings: BenchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> Cold:
        raise BackendError("a cold start failed with exit code -9: no error output")

    monkeypatch.setattr(models, "measure_cold", start)
    with pytest.raises(BackendError, match="exit code -9"):
        bench_models((classifier,), settings)


def test_a_run_says_whether_to_believe_it(classifier: Path, settings: BenchSettings) -> None:
    result = bench_models((classifier,), replace(settings, runtime="onnxruntime"))
    (candidate,) = result.candidates
    assert candidate.validity is not None
    assert candidate.latency is not None
    assert candidate.overhead_ns is not None
    median_ns = percentile(candidate.latency.samples_ns, 50.0)
    own = series_findings(candidate.latency.samples_ns, candidate.latency.blocks, candidate.latency.steady, 90.0)
    codes = {finding.code for finding in candidate.validity.findings}
    assert {finding.code for finding in own} <= codes
    assert ("W-OVERHEAD" in codes) == (candidate.overhead_ns > 0.01 * median_ns)
    assert candidate.validity == judged(candidate.validity.findings)
    assert result.state is not None
    assert result.state.affinity
    assert result.telemetry is not None
    assert {missing.sensor for missing in result.telemetry.missing} | {
        series.channel.sensor for series in result.telemetry.series
    }
    assert result.started_utc is not None


def test_a_code_that_is_named_makes_a_measurement_invalid(classifier: Path, settings: BenchSettings) -> None:
    strict = replace(settings, runtime="onnxruntime", threads=64, strict=frozenset({"W-THREADS"}))
    result = bench_models((classifier,), strict)
    (candidate,) = result.candidates
    assert candidate.validity is not None
    assert candidate.validity.verdict == "invalid"
    assert (result.selected, result.passed) == (None, False)
    assert "W-THREADS" in {finding.code for finding in candidate.validity.findings}
    assert result.strict == ("W-THREADS",)


def test_a_run_without_strict_codes_says_so(classifier: Path, settings: BenchSettings) -> None:
    assert bench_models((classifier,), replace(settings, runtime="onnxruntime")).strict == ()


def test_load_at_a_rate_counts_from_when_it_was_due(classifier: Path, settings: BenchSettings) -> None:
    scenario = Scenario("periodic", rate_hz=500.0)
    result = bench_models((classifier,), replace(settings, runtime="onnxruntime", scenario=scenario))
    (candidate,) = result.candidates
    assert result.scenario == scenario
    assert candidate.latency is not None
    assert candidate.service is not None
    assert candidate.deadline_misses is not None
    assert all(
        whole >= work for whole, work in zip(candidate.latency.samples_ns, candidate.service.samples_ns, strict=True)
    )


def test_several_streams_have_runners_of_their_own(classifier: Path, settings: BenchSettings) -> None:
    scenario = Scenario("multi-stream", streams=2)
    (candidate,) = bench_models((classifier,), replace(settings, runtime="onnxruntime", scenario=scenario)).candidates
    assert candidate.throughput_per_s is not None
    assert candidate.throughput_per_s > 0


def test_offline_knows_throughput_alone(classifier: Path, settings: BenchSettings) -> None:
    result = bench_models((classifier,), replace(settings, scenario=Scenario("offline")))
    assert all(one.latency is None and one.throughput_per_s for one in result.candidates)
    assert result.selected == max(result.candidates, key=lambda one: one.throughput_per_s or 0.0).name
    for one in result.candidates:
        assert one.heaps is not None
        assert one.throughput_per_s == pytest.approx(sum(one.heaps.inferences) / sum(one.heaps.walls_ns) * 1e9)
    assert result.comparisons
    assert all(pair.comparison.paired for pair in result.comparisons)


def test_layers_and_roofline_only_when_asked_for(classifier: Path, settings: BenchSettings) -> None:
    (plain,) = bench_models((classifier,), replace(settings, runtime="onnxruntime")).candidates
    assert (plain.layers, plain.roofline) == (None, None)
    (profiled,) = bench_models((classifier,), replace(settings, runtime="onnxruntime", layers=True)).candidates
    assert profiled.layers is not None
    assert profiled.layers.layers
    assert profiled.roofline is not None
    assert profiled.roofline.peak is not None
    assert profiled.roofline.limit_ns is None
    assert "nothing here reads graphs" in (profiled.roofline.reason or "")


def test_a_plain_file_is_counted_for_its_roofline_in_the_batch_it_is_fed(
    classifier: Path, settings: BenchSettings
) -> None:
    def count(model: Path, fed: Mapping[str, tuple[int, ...]]) -> Work:
        return Work(fed["image"][0], model.stat().st_size)

    given = replace(settings, runtime="onnxruntime", layers=True, batch=4, count=count)
    (candidate,) = bench_models((classifier,), given).candidates
    assert candidate.roofline is not None
    assert (candidate.roofline.operations, candidate.roofline.bytes) == (4, classifier.stat().st_size)
    assert candidate.roofline.limit_ns is not None


def timeable(model: Path, runtime: str, threads: int) -> Timeable:
    options = LoadOptions(threads=threads, precision="fp32", batch=1)
    return Timeable(f"{runtime}-{threads}", model, model.name, "as given", runtime, options, None)


def test_subjects_keep_their_own_runtime_and_threads(classifier: Path, settings: BenchSettings) -> None:
    subjects = (timeable(classifier, "openvino", 2), timeable(classifier, "onnxruntime", 1))
    result = bench_subjects(subjects, settings)
    assert [(c.name, c.runtime, c.threads) for c in result.candidates] == [
        ("openvino-2", "openvino", 2),
        ("onnxruntime-1", "onnxruntime", 1),
    ]
    blocks = [c.latency.blocks for c in result.candidates if c.latency is not None]
    assert len(blocks) == 2
    assert len(blocks[0]) == len(blocks[1])
    assert result.started_utc is not None


def test_no_subject_is_refused(settings: BenchSettings) -> None:
    with pytest.raises(InputError, match="nothing to time"):
        bench_subjects((), settings)


def test_subject_of_an_unknown_runtime_is_refused(classifier: Path, settings: BenchSettings) -> None:
    with pytest.raises(Unsupported, match="unknown runtime 'tensorrt'"):
        bench_subjects((timeable(classifier, "onnxruntime", 1), timeable(classifier, "tensorrt", 1)), settings)


def test_fastest_is_chosen_among_what_is_not_invalid() -> None:
    timed = {name: Timed((time,) * 20, (20,), 0, True) for name, time in (("fast", 1), ("slow", 9))}
    sound, bad = Validity("degraded"), Validity("invalid")

    def fastest(first: Validity, second: Validity) -> str | None:
        return models._fastest(timed, [_judged("fast", first), _judged("slow", second)])

    assert fastest(sound, sound) == "fast"
    assert fastest(bad, sound) == "slow"
    assert fastest(bad, bad) is None


def _judged(name: str, validity: Validity) -> CandidateResult:
    return CandidateResult(name, name, "float", "fp32", "x", 1, (), None, None, None, None, 1, None, validity=validity)
