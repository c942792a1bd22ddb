"""``edgetl bench`` on real models."""

from __future__ import annotations

import csv
import io
import itertools
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from msgspec.structs import replace

from edgetl.check import Check
from edgetl.cli import run
from edgetl.device.bench.models import BenchSettings
from edgetl.device.bench.onnx_bytes import Graph, Node, onnx_bytes
from edgetl.device.bench.selftest import run as selftest
from edgetl.device.bench.selftest.clocks import ClockTest
from edgetl.device.bench.side_by_side import side_by_side
from edgetl.device.probe import environment
from edgetl.errors import InputError
from edgetl.layers import Work
from edgetl.result import CandidateResult, Result, read_result
from edgetl.tensors import TensorSpec
from edgetl.validity import Finding

pytestmark = pytest.mark.usefixtures("own_cache")


def test_bench_writes_every_file_that_was_asked_for(tiny_bundle: Path, tmp_path: Path) -> None:
    names = ("r.json", "r.csv", "r.md", "plain")
    arguments = [word for name in names for word in ("-o", str(tmp_path / name))]
    how = ["--effort", "quick", "--runtime", "onnxruntime", "--threads", "1", "-q"]
    assert run(["bench", str(tiny_bundle.parent / "fp32.onnx"), *how, *arguments]) == 0
    found = read_result(tmp_path / "r.json")
    assert read_result(tmp_path / "plain") == found
    (row,) = csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text()))
    assert row["latency_p50_ns"] == str(found.candidates[0].latency.p50_ns)
    assert f"| {found.selected} |" in (tmp_path / "r.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fp32.onnx", "-o", "r.json", "-o", "r.txt"], "'r.txt' ends in '.txt', which no result is written as"),
        (["fp32.onnx", "-o", "r.txt"], "choose one of: .json, .csv, .md"),
        (["fp32.onnx", "-o", "r.csv", "-o", "fp32"], "is an input, which the output would replace"),
        (["fp32", "-o", "r.csv", "-o", "fp32"], "is an input, which the output would replace"),
        (["selftest", "-o", "s.csv"], "a self-test is written as .json only"),
        (["selftest", "--strict", "W-NOISY"], "--strict judges models, and a self-test times none"),
        (["fp32.onnx", "-o", "r.json", "-o", "r.json"], "'r.json' is given more than once; give each file once"),
        (["fp32.onnx", "-o", "r.json", "-o", "./x/../r.json"], "is given more than once"),
        (["fp32.onnx", "-o", "fp32.onnx"], "which no result is written as"),
    ],
    ids=[
        "second",
        "endings",
        "one of two is read",
        "without an ending",
        "selftest",
        "selftest strict",
        "twice",
        "two names",
        "the model",
    ],
)
def test_bench_refuses_files_that_it_cannot_write_before_it_measures(
    tiny_bundle: Path,
    tmp_path: Path,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_bundle.parent / "fp32.onnx", "fp32.onnx")
    Path("fp32").symlink_to("fp32.onnx")
    monkeypatch.setattr("edgetl.device.bench.models.bench_models", lambda *_: pytest.fail("it measured"))
    assert run(["bench", *arguments]) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not Path("r.json").exists()


def test_selftest_shows_times_in_units_that_keep_their_digits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = (Check("clock read twice", 67.0, 1000.0, "ns", True), Check("busy loop", 900.0, 20_000.0, "ns", True))
    found = selftest.SelfTest("edgetl.selftest/1", environment(), checks, ())
    monkeypatch.setattr(selftest, "self_test", lambda clock: found)
    assert run(["bench", "selftest"]) == 0
    words = capsys.readouterr().out.split()
    assert "0.000" not in words
    assert " ".join(words[words.index("twice") :][1:5]) == "67 ns 1.00 µs"


def test_selftest_on_a_noisy_machine_does_not_say_that_all_can_be_trusted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = (Finding("W-NOISY", "the load is 3.0 for each CPU"),)
    found = selftest.SelfTest("edgetl.selftest/1", environment(), (Check("loop", 1.0, 2.0, "ns", True),), noise)
    monkeypatch.setattr(selftest, "self_test", lambda clock: found)
    assert run(["bench", "selftest"]) == 0
    assert "this machine is too noisy to judge all of it now" in " ".join(capsys.readouterr().out.split())


def test_selftest_that_fails_has_one_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = selftest.SelfTest("edgetl.selftest/1", environment(), (Check("loop", 3.0, 2.0, "ns", False),), ())
    monkeypatch.setattr(selftest, "self_test", lambda clock: found)
    assert run(["bench", "selftest", "--json"]) == 3
    told = capsys.readouterr()
    assert json.loads(told.out)["checks"][0]["passed"] is False
    assert "the self-test failed: loop; numbers measured on this machine are not to be believed" in told.err


@pytest.mark.parametrize("models", [["selftest", "m.onnx"], ["m.onnx", "selftest"]])
def test_selftest_takes_no_models(models: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", *models]) == 2
    assert "edgetl: a self-test takes no models; run it alone: edgetl bench selftest" in capsys.readouterr().err


def test_selftest_names_checks_that_it_could_not_judge(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Check("error of a loop of 5 ms", None, 50_000.0, "ns", True, "the machine is too noisy")
    clocks = ClockTest((loop, Check("clock read twice", 67.0, 1000.0, "ns", True)), ())
    monkeypatch.setattr(selftest, "clock_test", lambda *_: clocks)
    monkeypatch.setattr(selftest, "statistics_checks", lambda *_: ())
    assert run(["bench", "selftest"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    row = next(" ".join(row) for row in rows if "loop" in row)
    assert row.startswith("error of a loop of 5 ms - 50.0 µs - not judged")
    assert run(["bench", "selftest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["not_judged"] == ["error of a loop of 5 ms"]


def test_bench_of_a_model_that_cannot_be_loaded_ends_with_1_after_the_others(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = TensorSpec("x", "float32", (1, 4)), TensorSpec("y", "float32", (1, 4))
    (odd := tmp_path / "odd.csv").write_bytes(onnx_bytes(Graph([Node("Nothing", ("x",), "y")], ends[:1], ends[1:])))
    arguments = (tiny_bundle, odd, "--effort", "quick", "--runtime", "onnxruntime", "-o", tmp_path / "r.json", "-q")
    assert run(["bench", *map(str, arguments)]) == 1
    shown = capsys.readouterr()
    assert "edgetl: odd.csv/onnxruntime/fp32/" in shown.err
    assert "cannot load" in shown.err
    result = read_result(tmp_path / "r.json")
    assert {one.latency is None for one in result.candidates} == {True, False}
    assert "Latency of one inference" in shown.out


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "bad.onnx' is no ONNX file"),
        (lambda path: path.write_bytes(b""), "bad.onnx' is empty"),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), "with: git lfs pull"),
        (lambda path: (path.unlink(), path.mkdir()), "bad.onnx' is a folder"),
        (lambda path: (path.unlink(), path.symlink_to("/dev/zero")), "bad.onnx' is no file"),
        (lambda path: path.unlink(), "there is no file"),
    ],
    ids=["damaged", "empty", "lfs", "folder", "device", "absent"],
)
def test_bench_refuses_what_is_no_model_in_one_line_before_it_measures(
    tiny_bundle: Path,
    tmp_path: Path,
    spoil: Callable[[Path], object],
    words: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoil(Path(shutil.copy(tiny_bundle.parent / "fp32.onnx", tmp_path / "bad.onnx")))
    monkeypatch.setattr("edgetl.device.bench.models.load", lambda *_: pytest.fail("it loaded"))
    assert run(["bench", str(tiny_bundle.parent / "fp32.onnx"), str(tmp_path / "bad.onnx"), "--effort", "quick"]) == 2
    shown = capfd.readouterr().err
    assert words in shown
    assert len(shown.splitlines()) == 1


def test_bench_does_not_write_over_weights_beside_a_model(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = onnx.load(tiny_bundle.parent / "fp32.onnx")
    onnx.save(model, "m.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    before = Path("weights").read_bytes()
    assert run(["bench", "m.onnx", "-o", "weights"]) == 2
    assert "'weights' holds weights of a model" in capsys.readouterr().err
    assert Path("weights").read_bytes() == before


def test_bench_times_a_plain_onnx_file(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_bundle.parent / "fp32.onnx"
    arguments = ["--effort", "quick", "--runtime", "onnxruntime", "--threads", "1", "-o", str(tmp_path / "r.json")]
    assert run(["bench", str(model), *arguments, "-q"]) == 0
    assert "lowest" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "r.json").read_text())["candidates"][0]["latency"]["samples_ns"]) >= 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--scenario", "periodic"], "needs a rate"),
        (["--rate", "30"], "has no rate"),
        (["--streams", "2"], "do not fit scenario"),
        (["--strict", "W-WRONG"], "expected one of: W-GOVERNOR"),
        (["--scenario", "offline", "--rate", "30"], "has no rate"),
        (["--scenario", "offline", "--deadline", "3"], "leave --deadline out"),
        (["--scenario", "multi-stream", "--streams", "2", "--drop-late"], "leave --drop-late out"),
        (["--scenario", "periodic", "--rate", "30", "--seed", "0"], "leave --seed out"),
        (["--scenario", "server", "--rate", "30", "--seed", "-1"], "range"),
        (["--scope", "end-to-end"], "is a plain ONNX file"),
        (["--batch", "0"], "range"),
    ],
    ids=[
        "no rate",
        "rate without use",
        "streams",
        "code",
        "rate offline",
        "deadline offline",
        "drop without rate",
        "seed without chance",
        "seed below 0",
        "end-to-end of a plain file",
        "batch of 0",
    ],
)
def test_bench_refuses_options_that_contradict_each_other_in_one_line(
    tiny_bundle: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", str(tiny_bundle.parent / "fp32.onnx"), *arguments]) == 2
    shown = capsys.readouterr().err
    assert words in " ".join(shown.split())
    assert "Traceback" not in shown


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "-inf", "1e300", "1e6", "many", ""])
def test_bench_refuses_rates_that_cannot_be(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "m.onnx", "--scenario", "server", f"--rate={value}"]) == 2
    assert f"{value!r} is not possible; expected inferences per second, above 0 and at most 100,000" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e300", "1e-9", "soon", ""])
def test_bench_refuses_deadlines_that_cannot_be(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "m.onnx", f"--deadline={value}"]) == 2
    assert f"{value!r} is not possible; expected milliseconds, above 0" in capsys.readouterr().err


def test_bench_takes_any_rate_and_deadline_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = asked(monkeypatch, "--scenario", "periodic", "--rate", "29.97", "--deadline", "0.001").scenario
    assert (scenario.rate_hz, scenario.deadline_ns) == (29.97, 1000)


def asked(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> BenchSettings:
    """What the command line asks to be measured, without measuring it."""
    found: list[BenchSettings] = []

    def bench(models: object, settings: BenchSettings, progress: object) -> Result:
        found.append(settings)
        raise InputError("enough")

    monkeypatch.setattr("edgetl.device.bench.models.bench_models", bench)
    assert run(["bench", "m.onnx", *arguments]) == 2
    return found[0]


def test_bench_counts_operations_and_bytes_of_a_plain_file(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = asked(monkeypatch).count(tiny_bundle.parent / "fp32.onnx", {"image": (3, 4, 4, 3)})
    weights, ends = 4 * (48 * 2 + 2), 3 * (48 + 4 * 2)
    assert found == Work(3 * 2 * 48 * 2, weights + ends)


@pytest.mark.parametrize("missing", ["onnx", "google.protobuf.message"])
def test_bench_says_what_to_install_where_nothing_counts_operations(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    settings = asked(monkeypatch)
    monkeypatch.delitem(sys.modules, "edgetl.host.work", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    found = settings.count(tiny_bundle.parent / "fp32.onnx", {"image": (3, 4, 4, 3)})
    assert (found.operations, found.bytes) == (None, None)
    assert "run: pip install onnx" in (found.reason or "")


def test_bench_draws_arrival_times_by_the_seed_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    server = ("--scenario", "server", "--rate", "30")
    seeds = [asked(monkeypatch, *server, *more).scenario.seed for more in (("--seed", "7"), ())]
    assert seeds == [7, 0]


def test_bench_times_bundles_from_image_file_to_prediction_in_batches(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--scope", "end-to-end", "-b", "2", "--effort", "quick", "--runtime", "onnxruntime", "--threads", "1"]
    assert run(["bench", str(tiny_bundle), *arguments, "-o", str(tmp_path / "r.json"), "-q"]) == 0
    assert "Latency from image file to prediction, 2 at a time" in capsys.readouterr().out
    result = read_result(tmp_path / "r.json")
    assert {(one.batch, one.latency.scope) for one in result.candidates if one.latency is not None} == {
        (2, "end-to-end")
    }
    assert run(["compare", str(tmp_path / "r.json"), str(tmp_path / "r.json")]) == 0
    assert "single-stream; scope: image file to prediction, batch 2" in " ".join(capsys.readouterr().out.split())


def test_bench_fails_on_a_code_that_was_named(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--effort", "quick", "--runtime", "onnxruntime", "--threads", "64", "--strict", "W-THREADS", "-q"]
    assert run(["bench", str(tiny_bundle.parent / "fp32.onnx"), *arguments]) == 3
    assert "W-THREADS" in capsys.readouterr().err


def test_bench_checks_itself(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, ticks = selftest.self_test, itertools.count(step=500).__next__
    monkeypatch.setattr(selftest, "self_test", lambda _: whole(ticks, repeats=40, independent=ticks))
    assert run(["bench", "selftest", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "edgetl.selftest/1"
    assert {check["passed"] for check in found["checks"]} == {True}


@pytest.mark.parametrize(
    ("factor", "arguments", "code", "words"),
    [
        (1.2, ["--fail-if", "slower"], 3, "refused by --fail-if slower (second against first: slower, by"),
        (1.2, [], 0, ""),
        (0.8, ["--fail-if", "slower", "--fail-if", "not-faster"], 0, ""),
        (1.0, ["--fail-if", "not-faster"], 3, "second against first: equivalent"),
        (None, ["--fail-if", "slower"], 3, "second was not timed (cannot load)"),
    ],
    ids=["slower", "no gate", "faster", "not faster", "lost"],
)
def test_gate_of_one_run(
    result: Result,
    tiny_bundle: Path,
    factor: float | None,
    arguments: list[str],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edgetl.device.bench.models.bench_models", lambda *_: ran(result, factor))
    assert run(["bench", str(tiny_bundle.parent / "fp32.onnx"), *arguments]) == code
    assert words in " ".join(capsys.readouterr().err.split())


def test_gate_needs_something_to_compare(
    result: Result, tiny_bundle: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = replace(ran(result, 1.0), comparisons=())
    monkeypatch.setattr("edgetl.device.bench.models.bench_models", lambda *_: alone)
    model = str(tiny_bundle.parent / "fp32.onnx")
    assert run(["bench", model, "--fail-if", "slower"]) == 3
    assert "nothing was compared: give two models, or two runtimes" in capsys.readouterr().err
    assert run(["bench", model, "--fail-if", "slower", "--scenario", "offline"]) == 3
    assert "nothing was compared" in capsys.readouterr().err


def ran(result: Result, factor: float | None) -> Result:
    """A run of two models, the second so many times as slow as the first, or not to be loaded."""
    example = replace(result.candidates[0], variant="model", rejected_because=None)

    def timed(name: str, times: float, seed: int) -> CandidateResult:
        assert example.latency is not None
        samples = tuple(int(one) for one in 1e6 * times * np.random.default_rng(seed).lognormal(0, 0.01, 400))
        latency = replace(example.latency, n=400, samples_ns=samples, blocks=(20,) * 20)
        return replace(example, name=name, latency=latency)

    second = timed("second", factor or 1.0, 1)
    if factor is None:
        second = replace(second, latency=None, rejected_because="cannot load")
    candidates = timed("first", 1.0, 0), second, timed("third", 0.5, 2)
    pairs = side_by_side(candidates, ("a", "b", "c"), 0.02, 0)
    return replace(result, candidates=candidates, selected="first", comparisons=pairs)
