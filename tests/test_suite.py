"""A suite goes on where it stopped, and says what it skipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest
from suite import SuiteRun, chosen, main, run_rows, target_of
from suite_measure import Bench, Source, judged, unavailable
from suite_record import BYTES_MAX, Measured, read_row, row_path, write_row
from suite_rows import Model, Row, Suite, Way, rows

from edgetl.device.bench import models, plan, watch
from edgetl.device.bench.side_by_side import side_by_side
from edgetl.environment import Cpu, Environment
from edgetl.errors import BackendError, InputError
from edgetl.progress import Silent
from edgetl.result import BundleIdentity, CandidateResult, Cold, Latency, Result
from edgetl.samples.comparison import MARGIN
from edgetl.validity import Finding
from edgetl.validity import judged as verdict_of

HERE = Environment("Linux", "6", "3", "1", Cpu("CPU", "x86_64", (), 2, 2), 1 << 34, None, None, {"onnxruntime": "1"})
ONE, OTHER = b"\x3a\x0a\x12\x03one\x62\x03\x0a\x01y", b"\x3a\x0c\x12\x05other\x62\x03\x0a\x01y"
"""ONNX files of a graph that has nothing but its name and that of an output."""


def candidate(name: str, times_ns: tuple[int, ...], *, findings: tuple[Finding, ...] = ()) -> CandidateResult:
    samples = times_ns * 6
    blocks = (len(times_ns),) * 6
    latency = Latency("infer", len(samples), *(5 * [None]), min(samples), max(samples), 9, True, samples, blocks)
    runtime, precision, threads = name.split("/")
    return CandidateResult(
        name=name,
        variant="net.onnx",
        rendering="as given",
        precision=precision,
        runtime=runtime,
        threads=int(threads[0]),
        checks=(),
        accuracy=None,
        latency=latency,
        end_to_end=None,
        cold=None,
        size_bytes=9,
        rejected_because=None,
        validity=verdict_of(findings),
    )


def run_of(own: CandidateResult, baseline: CandidateResult) -> Result:
    identity, both = BundleIdentity("net.onnx", None, ""), (baseline, own)
    plain = Result("edgetl.result/1", "1", identity, "local", "quick", HERE, both, None, True)
    return msgspec.structs.replace(plain, comparisons=side_by_side(both, ("net", "net"), MARGIN, 0))


def quoted(own: CandidateResult, baseline: CandidateResult) -> Measured:
    return judged(run_of(own, baseline), own.name, baseline.name)


@dataclass
class Bed:
    """A measuring function that counts, and a machine that can be changed."""

    folder: Path
    here: Environment = HERE
    harness: str = "c0de"
    measured: list[str] = field(default_factory=list)
    breaks_at: int | None = None
    """Which measurement is interrupted."""
    reason: str | None = None
    refusal: Exception | None = None

    def measure(self, row: Row, _: Source) -> tuple[Measured, Result]:
        if self.breaks_at == len(self.measured):
            raise KeyboardInterrupt
        if self.refusal is not None:
            raise self.refusal
        self.measured.append(row.name)
        own, baseline = candidate("openvino/fp32/1t", (90, 91)), candidate("onnxruntime/fp32/1t", (100, 101))
        result = msgspec.structs.replace(run_of(own, baseline), bundle=Source(self.model).identity)
        return judged(result, own.name, baseline.name), result

    @property
    def model(self) -> Path:
        return self.folder / "net.onnx"

    def run(self) -> SuiteRun:
        return SuiteRun(
            out=self.folder / "x86",
            command=lambda row: f"python benchmarks/suite.py s.toml --only {row.name}",
            commit="abc",
            harness_sha256=self.harness,
            here=self.here,
            unavailable=lambda *_: self.reason,
            source=lambda _: Source(self.model),
            measured=self.measure,
        )


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    (tmp_path / "net.onnx").write_bytes(ONE)
    return Bed(tmp_path)


def declared(**changes: object) -> tuple[Row, ...]:
    plain = {"description": "", "runtimes": ("openvino",), "precisions": ("fp32", "bf16"), "threads": (1, 2)}
    return rows(msgspec.convert({**plain, "models": (Model("net", onnx="net.onnx"),), **changes}, Suite), "s")


def test_interrupted_suite_goes_on_where_it_stopped(bed: Bed) -> None:
    bed.breaks_at = 2
    with pytest.raises(KeyboardInterrupt):
        run_rows(bed.run(), declared())
    assert [path.name for path in sorted(bed.folder.glob("x86/s/*"))] == sorted(f"{n}.json" for n in bed.measured)
    bed.breaks_at = None
    assert run_rows(bed.run(), declared()) == 0
    assert bed.measured == [row.name for row in declared()]


def test_row_that_fits_is_kept_byte_by_byte(bed: Bed) -> None:
    row = declared()[0]
    assert bed.run().row(row)[0] == "measured"
    before = row_path(bed.folder / "x86", row).read_bytes()
    assert bed.run().row(row)[0] == "kept"
    assert row_path(bed.folder / "x86", row).read_bytes() == before


def _other_effort(bed: Bed) -> Row:
    return declared(effort="standard")[0]


def _other_model(bed: Bed) -> Row:
    bed.model.write_bytes(OTHER)
    return declared()[0]


def _other_runtime(bed: Bed) -> Row:
    bed.here = msgspec.structs.replace(HERE, runtimes={"onnxruntime": "2"})
    return declared()[0]


def _other_harness(bed: Bed) -> Row:
    bed.harness = "0ther"
    return declared()[0]


def _damaged_file(bed: Bed) -> Row:
    row = declared()[0]
    row_path(bed.folder / "x86", row).write_bytes(b"{")
    return row


@pytest.mark.parametrize("change", [_other_effort, _other_model, _other_runtime, _other_harness, _damaged_file])
def test_row_is_measured_again_after(change: Callable[[Bed], Row], bed: Bed) -> None:
    bed.run().row(declared()[0])
    row = change(bed)
    assert bed.run().row(row)[0] == "measured"
    assert bed.run().row(row)[0] == "kept"
    assert len(bed.measured) == 2


def test_load_of_the_machine_is_no_reason_to_measure_again(bed: Bed) -> None:
    bed.run().row(declared()[0])
    bed.here = msgspec.structs.replace(HERE, load_average=3.0)
    assert bed.run().row(declared()[0])[0] == "kept"


def test_what_a_machine_cannot_run_is_recorded_with_the_reason(bed: Bed, capsys: pytest.CaptureFixture[str]) -> None:
    bed.reason = "openvino is not installed"
    assert run_rows(bed.run(), declared()[:1]) == 0
    made = read_row(row_path(bed.folder / "x86", declared()[0]))
    assert (made.skipped, made.measured, made.model_sha256) == ("openvino is not installed", None, None)
    assert "skipped, openvino is not installed" in capsys.readouterr().out
    bed.reason = None
    assert bed.run().row(declared()[0])[0] == "measured"


def test_refusal_of_a_runtime_is_recorded_too(bed: Bed) -> None:
    bed.refusal = BackendError("openvino cannot load 'net.onnx'")
    assert bed.run().row(declared()[0])[0] == "skipped"
    assert read_row(row_path(bed.folder / "x86", declared()[0])).skipped == "openvino cannot load 'net.onnx'"


def test_missing_model_is_an_error_and_stops_no_other_row(bed: Bed, capsys: pytest.CaptureFixture[str]) -> None:
    def source(row: Row) -> Source:
        if row is wanted[0]:
            raise InputError("there is no file 'net.onnx'")
        return Source(bed.model)

    wanted = declared()
    assert run_rows(replace(bed.run(), source=source), wanted) == 2
    assert bed.measured == [row.name for row in wanted[1:]]
    assert f"{wanted[0].name}: failed, there is no file" in capsys.readouterr().err


def test_unknown_row_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="no row 'absent'; it has net-openvino-fp32-1t"):
        chosen(declared(), ["absent"])
    assert [row.name for row in chosen(declared(), ["net-openvino-bf16-2t"])] == ["net-openvino-bf16-2t"]


def test_bad_suite_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "absent.toml"), "--cache", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("cannot read suite")


def test_target_is_named_by_what_decides_kernels() -> None:
    assert target_of(Cpu("", "x86_64", ("avx2", "avx512_vnni"), 2, 2)) == "x86-vnni"
    assert target_of(Cpu("", "x86_64", ("avx2", "avx512f"), 2, 2)) == "x86-avx512f"
    assert target_of(Cpu("", "x86_64", ("avx2",), 2, 2)) == "x86-avx2"
    assert target_of(Cpu("", "x86_64", ("avx",), 2, 2)) == "x86"
    assert target_of(Cpu("", "aarch64", ("asimddp",), 2, 2)) == "aarch64"


WAYS = {
    "threads": (Way("openvino", "fp32", 3), "3 threads are more than the 2 CPUs"),
    "precision": (Way("onnxruntime", "bf16", 1), "onnxruntime runs float graphs in fp32 on this CPU, not in bf16"),
    "isa": (Way("openvino", "bf16", 1), "openvino runs float graphs in fp32 on this CPU, not in bf16"),
    "runtime": (Way("tensorrt", "fp32", 1), "unknown runtime 'tensorrt'"),
}


@pytest.mark.parametrize("case", WAYS)
def test_unavailable_way_is_told_before_a_model_is_built(case: str) -> None:
    way, said = WAYS[case]
    row = msgspec.structs.replace(declared()[0], way=way)
    assert said in (unavailable(row, HERE) or "")
    swapped = msgspec.structs.replace(declared()[0], baseline=way)
    assert said in (unavailable(swapped, HERE) or "")
    assert unavailable(declared()[0], HERE) is None


def test_nothing_good_is_said_of_an_invalid_measurement() -> None:
    hot = (Finding("W-THROTTLED", "hot"),)
    baseline = candidate("onnxruntime/fp32/1t", (100, 101))
    fast = quoted(candidate("openvino/fp32/1t", (50, 51)), baseline)
    assert (fast.comparison.outcome, fast.row.verdict) == ("faster", "valid")
    doubtful = quoted(candidate("openvino/fp32/1t", (50, 51), findings=hot), baseline)
    assert (doubtful.comparison.outcome, doubtful.row.verdict) == ("inconclusive", "invalid")
    assert doubtful.row.codes == ("W-THROTTLED",)
    slow = quoted(candidate("openvino/fp32/1t", (150, 151), findings=hot), baseline)
    assert slow.comparison.outcome == "slower"


def test_row_quotes_what_its_run_concluded() -> None:
    own, baseline = candidate("openvino/fp32/1t", (50, 51)), candidate("onnxruntime/fp32/1t", (100, 101))
    result = run_of(own, baseline)
    (pair,) = result.comparisons or ()
    assert judged(result, own.name, baseline.name).comparison == pair.comparison
    chance = msgspec.structs.replace(pair, verdict="inconclusive", p_holm=0.06)
    doubted = judged(msgspec.structs.replace(result, comparisons=(chance,)), own.name, baseline.name)
    assert doubted.comparison == msgspec.structs.replace(pair.comparison, outcome="inconclusive")


def test_baseline_that_did_not_run_is_named() -> None:
    own, baseline = candidate("openvino/fp32/1t", (50,)), candidate("onnxruntime/fp32/1t", (100,))
    dead = msgspec.structs.replace(baseline, latency=None, rejected_because="no kernel")
    with pytest.raises(BackendError, match="onnxruntime/fp32/1t does not run: no kernel"):
        quoted(own, dead)


def test_samples_are_thinned_block_by_block_until_the_file_is_small(bed: Bed) -> None:
    made = bed.run().row(declared()[0])[1]
    assert made.result is not None
    many = candidate("openvino/fp32/1t", tuple(range(1_000_000, 1_010_001)))
    whole = msgspec.structs.replace(made, result=msgspec.structs.replace(made.result, candidates=(many,)))
    path = bed.folder / "thin.json"
    write_row(path, whole)
    found = read_row(path)
    assert found.result is not None
    latency = found.result.candidates[0].latency
    assert latency is not None
    assert path.stat().st_size <= BYTES_MAX
    assert found.kept_every in (2, 4, 8)
    assert latency.n == 60_006
    assert latency.blocks == (-(-10_001 // found.kept_every),) * 6
    assert latency.samples_ns[:2] == (1_000_000, 1_000_000 + found.kept_every)
    assert latency.samples_ns[latency.blocks[0]] == 1_000_000


def test_small_file_keeps_every_sample(bed: Bed) -> None:
    made = bed.run().row(declared()[0])[1]
    assert read_row(row_path(bed.folder / "x86", declared()[0])) == made
    assert made.kept_every == 1


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "row.json").write_text('{"schema": "edgetl.benchmark-row/9"}')
    with pytest.raises(InputError, match=r"is not a row of schema 'edgetl\.benchmark-row/1'"):
        read_row(tmp_path / "row.json")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(plan.PLANS["quick"], warmup_s=0.0, window_s=0.002, min_s=0.01, min_blocks=5)
    monkeypatch.setattr(models, "PLANS", {"quick": quick})
    monkeypatch.setattr(models, "measure_cold", lambda *_: Cold(1, 1, 1, None))
    monkeypatch.setattr(watch, "_FIRST_READINGS_S", 0.0)


@pytest.mark.usefixtures("short")
def test_row_of_a_bundle_is_timed_beside_its_float_variant(tiny_bundle: Path, tmp_path: Path) -> None:
    (row,) = declared(
        models=(Model("tiny", bundle=str(tiny_bundle), variants=("fp32",)),), precisions=("fp32",), threads=(1,)
    )
    bench = Bench(tmp_path, Silent())
    source = bench.source(row.model)
    found, result = bench.measured(row, source)
    assert [one.name for one in result.candidates] == [found.baseline.candidate, found.row.candidate]
    (pair,) = result.comparisons or ()
    assert (pair.first, pair.second) == (found.baseline.candidate, found.row.candidate)
    assert found.comparison == msgspec.structs.replace(pair.comparison, outcome=pair.verdict)
    assert found.row.candidate == "tiny.edgetl/fp32/openvino/fp32/1t"
    assert found.baseline.candidate == "tiny.edgetl/fp32/onnxruntime/fp32/1t"
    assert min(found.comparison.blocks) >= 5
    assert found.comparison.paired
    assert result.bundle.sha256 == source.identity.sha256


def test_variant_that_a_bundle_does_not_have_is_named(tiny_bundle: Path, tmp_path: Path) -> None:
    model = Model("tiny", bundle=str(tiny_bundle), variants=("int8-x86-vnni",))
    (row,) = declared(models=(model,), precisions=("int8",), threads=(1,))
    bench = Bench(tmp_path, Silent())
    with pytest.raises(InputError, match="no variant 'int8-x86-vnni'; it has fp32"):
        bench.measured(row, bench.source(model))


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file 'absent\.onnx'"):
        Bench(tmp_path, Silent(), tmp_path).source(Model("net", onnx="absent.onnx"))


@pytest.mark.slow
@pytest.mark.usefixtures("short")
def test_recipe_is_prepared_once_and_its_quantized_variant_timed_beside_the_float_one(
    photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "textures").mkdir()
    (tmp_path / "textures/recipe.toml").write_text(
        f"""name = "textures"
        data.source = "{photos}"
        backbone = {{ name = "mobilenetv3_small_100", weights = "random", preprocess = {{ height = 32, width = 32 }} }}
        quantize = {{ calibration = 32, renderings = ["x86"] }}
        gates = {{ accuracy_drop_max = 1.0, margin = 1.0 }}
        """
    )
    model = Model("textures", recipe="textures", variants=("fp32", "int8-x86"))
    suite = msgspec.convert(
        {
            "description": "",
            "models": (model,),
            "runtimes": ("onnxruntime",),
            "precisions": ("fp32", "int8"),
            "threads": (1,),
        },
        Suite,
    )
    (row,) = rows(suite, "s", tmp_path)
    bench = Bench(tmp_path / "cache", Silent(), tmp_path)
    first, again = bench.source(model), bench.source(model)
    assert first.identity == again.identity
    found, _ = bench.measured(row, first)
    assert found.row.candidate == "textures.edgetl/int8-x86/onnxruntime/int8/1t"
    assert found.baseline.candidate == "textures.edgetl/fp32/onnxruntime/fp32/1t"
