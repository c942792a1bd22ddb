"""``edgetl compare``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from edgetl.cli import edgetl, run
from edgetl.comparison import ResultComparison
from edgetl.device.bench.timing import Timed, latency
from edgetl.result import Result

replace = msgspec.structs.replace
Write = Callable[..., str]


@pytest.fixture
def write(result: Result, tmp_path: Path) -> Write:
    """Writes a result whose candidates take so many times as long as those of the example."""

    def file(name: str, factor: float = 1.0, seed: int = 0, **changes: Any) -> str:
        random = np.random.default_rng(seed)
        candidates = []
        for candidate in result.candidates:
            if candidate.latency is not None:
                median = factor * (candidate.latency.p50_ns or 0)
                samples = tuple(int(one) for one in median * random.lognormal(0, 0.01, 400))
                timed = Timed(samples, blocks=(20,) * 20, warmup=30, steady=True)
                candidate = replace(candidate, latency=latency(timed, "infer"))
            candidates.append(candidate)
        path = tmp_path / name
        path.write_bytes(msgspec.json.encode(replace(result, candidates=tuple(candidates), **changes)))
        return str(path)

    return file


def test_slower_is_said_with_the_evidence(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", write("a.json"), write("b.json", 1.1, seed=4)]) == 0
    shown = capsys.readouterr().out
    assert "2 slower." in shown
    assert "< 0.001" in shown
    assert "fp32/onnxruntime/fp32/2t" in shown
    assert "a difference of up to 2 % counts as none" in " ".join(shown.split())


def test_same_again_is_equivalent(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", write("a.json"), write("b.json", seed=4), "--fail-if", "slower"]) == 0
    shown = capsys.readouterr()
    assert "2 equivalent." in shown.out
    assert shown.err == ""


def test_missed_gate_ends_with_3_after_the_answer(write: Write) -> None:
    done = CliRunner().invoke(edgetl, ["compare", write("a.json"), write("b.json", 1.1, seed=4), "--fail-if", "slower"])
    assert done.exit_code == 3
    assert "2 slower." in done.output
    assert "refused by --fail-if slower (fp32/onnxruntime/fp32/2t: slower, by" in done.output


@pytest.mark.parametrize(
    ("factor", "arguments", "code"),
    [
        (1.0, ("--fail-if", "not-faster"), 3),
        (0.9, ("--fail-if", "not-faster"), 0),
        (1.02, ("--fail-if", "inconclusive"), 3),
        (1.02, ("--fail-if", "slower"), 0),
        (1.02, ("--fail-if", "slower", "--fail-if", "inconclusive"), 3),
        (1.1, ("--fail-if", "slower", "--margin", "20%"), 0),
        (1.1, (), 0),
    ],
)
def test_exit_code_is_that_of_the_conditions(
    write: Write, factor: float, arguments: tuple[str, ...], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["compare", write("a.json"), write("b.json", factor, seed=4), *arguments]) == code
    assert capsys.readouterr().out


def test_json_is_one_document_of_its_schema(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", write("a.json"), write("b.json", 1.1, seed=4), "--fail-if", "slower", "--json"]
    assert run(arguments) == 3
    shown = capsys.readouterr()
    compared = msgspec.json.decode(shown.out, type=ResultComparison)
    assert json.loads(shown.out)["schema"] == "edgetl.comparison/1"
    assert (compared.passed, compared.fail_if, compared.margin) == (False, ("slower",), 0.02)
    assert [pair.verdict for pair in compared.pairs] == ["slower", "slower"]
    assert "refused by --fail-if" in shown.err


def test_published_schema_has_every_field_of_the_document(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", write("a.json"), write("b.json", seed=4), "--json"]) == 0
    published = json.loads((Path(__file__).parents[2] / "docs/comparison.schema.json").read_text(encoding="utf-8"))
    assert set(json.loads(capsys.readouterr().out)) == set(published["$defs"]["ResultComparison"]["properties"])


def test_other_machine_is_refused_unless_allowed(
    write: Write, result: Result, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(result.environment, cpu=replace(result.environment.cpu, model="Other CPU"))
    files = [write("a.json"), write("b.json", 0.5, seed=4, environment=other)]
    assert run(["compare", *files]) == 2
    assert "CPU Example CPU against Other CPU" in capsys.readouterr().err
    assert run(["compare", *files, "--allow-other-machine", "--fail-if", "not-faster"]) == 3
    shown = " ".join(capsys.readouterr().out.split())
    assert "2 inconclusive." in shown
    assert "the machines differ (CPU Example CPU against Other CPU)" in shown


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a result"),
        (b"{}", "is not a result of schema 'edgetl.result/1'"),
        (b'{"schema": "edgetl.result/2"}', "is not a result of schema 'edgetl.result/1'"),
        (b"\xff\xfe", "is not a result"),
    ],
)
def test_what_is_no_result_of_this_schema_is_bad_input(
    write: Write, content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.json").write_bytes(content)
    assert run(["compare", write("a.json"), str(tmp_path / "b.json")]) == 2
    assert words in capsys.readouterr().err


def test_missing_file_is_named(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", write("a.json"), str(tmp_path / "none.json"), "--json"]) == 2
    assert "none.json" in json.loads(capsys.readouterr().out)["error"]["message"]


@pytest.mark.parametrize("margin", ["2", "0%", "-1%", "100%", "two", "0.02"])
def test_margin_needs_a_percentage(write: Write, margin: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", write("a.json"), write("b.json"), "--margin", margin]) == 2
    assert (
        f"{margin!r} is not a margin; expected a percentage above 0 and below 100, as in 2%" in capsys.readouterr().err
    )


def test_unknown_condition_is_bad_input(write: Write) -> None:
    assert run(["compare", write("a.json"), write("b.json"), "--fail-if", "worse"]) == 2
