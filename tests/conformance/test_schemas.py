"""Every answer and file with a field ``schema`` is what its published schema says, whatever the command was asked."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemas import SCHEMAS

from edgetl.cli import run
from edgetl.device.bench.selftest import run as selftest
from edgetl.device.unpack import unpack
from edgetl.errors import InputError
from edgetl.report.json_text import json_bytes
from edgetl.result import Result
from edgetl.samples.comparison import Comparison, compare
from edgetl.samples.findings import noisy_findings, series_findings
from edgetl.validity import Finding

DOCS = Path(__file__).parents[2] / "docs"
RUNS = {
    "single-stream": (),
    "multi-stream": ("--streams", "2"),
    "server": ("--rate", "200"),
    "offline": ("--streams", "2"),
    "periodic": ("--rate", "100", "--deadline", "5", "--drop-late", "--layers"),
}


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DOCS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def checked(text: str | bytes, name: str) -> Any:
    """The document as its type, once it was held to its schema; ``NaN`` and ``Infinity`` are no JSON."""
    document = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    validator(name).validate(document)
    return msgspec.json.decode(text, type=SCHEMAS[name], strict=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_is_one_and_refuses_what_is_not_in_the_type(name: str) -> None:
    assert [error.validator for error in validator(name).iter_errors({"schema": f"edgetl.{name}/1"})] != []
    wrong = next(iter(validator(name).iter_errors({"unheard of": 1})))
    assert wrong.validator in ("required", "additionalProperties")


@pytest.mark.parametrize("kind", RUNS)
def test_bench_answers_and_writes_a_result(
    kind: str, tiny_bundle: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "r.json"
    model = str(tiny_bundle.parent / "fp32.onnx")
    how = ("--scenario", kind, *RUNS[kind], "--effort", "quick", "--runtime", "onnxruntime", "--threads", "1")
    assert run(["bench", model, *how, "--cache", str(cache), "--json", "-q", "-o", str(written)]) == 0
    found = checked(capsys.readouterr().out, "result")
    assert found == checked(written.read_bytes(), "result")
    assert found.scenario.kind == kind
    assert {one.latency is None for one in found.candidates} == {kind == "offline"}


def test_selftest_answers_and_writes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = selftest.self_test
    monkeypatch.setattr(selftest, "self_test", lambda clock: whole(clock, repeats=20))
    run(["bench", "selftest", "--json", "-q", "-o", str(tmp_path / "s.json")])
    found = checked(capsys.readouterr().out, "selftest")
    assert found == checked((tmp_path / "s.json").read_bytes(), "selftest")


def test_qualify_and_compare_answer_what_they_should(
    tiny_bundle: Path, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = str(tmp_path / "q.json")
    how = ("--effort", "quick", "--cache", str(cache), "--json", "-q")
    assert run(["qualify", str(tiny_bundle), "-o", written, *how]) == 0
    assert checked(capsys.readouterr().out, "result") == checked(Path(written).read_bytes(), "result")
    assert run(["compare", written, written, "--json"]) == 0
    assert checked(capsys.readouterr().out, "comparison").passed


def test_unpacked_files_are_what_they_should_be(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unpack(tiny_bundle, tmp_path / "out")
    checked((tmp_path / "out/manifest.json").read_bytes(), "bundle")
    assert checked((tmp_path / "out/preprocess.json").read_bytes(), "preprocess").image.height == 4
    assert run(["inspect", str(tiny_bundle), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document.pop("sha256")) == 64, "inspect adds that to the manifest"
    validator("bundle").validate(document)


def values(info: Any) -> st.SearchStrategy[Any]:
    """Everything that a type allows, as msgspec sees it; a number that may be unknown may be no number, too."""
    kinds: dict[type, Any] = {
        msgspec.inspect.StrType: lambda _: st.text(max_size=4),
        msgspec.inspect.IntType: lambda _: st.integers(-(2**40), 2**40),
        msgspec.inspect.FloatType: lambda _: st.floats(allow_nan=False, allow_infinity=False),
        msgspec.inspect.BoolType: lambda _: st.booleans(),
        msgspec.inspect.NoneType: lambda _: st.none(),
        msgspec.inspect.LiteralType: lambda one: st.sampled_from(one.values),
        msgspec.inspect.UnionType: lambda one: st.one_of(*map(values, one.types)) | unknown(one),
        msgspec.inspect.VarTupleType: lambda one: st.lists(values(one.item_type), max_size=2).map(tuple),
        msgspec.inspect.TupleType: lambda one: st.tuples(*map(values, one.item_types)),
        msgspec.inspect.DictType: lambda one: st.dictionaries(values(one.key_type), values(one.value_type), max_size=1),
        msgspec.inspect.StructType: structs,
    }
    return kinds[type(info)](info)


def unknown(info: Any) -> st.SearchStrategy[Any]:
    kinds = {type(one) for one in info.types}
    is_optional = {msgspec.inspect.FloatType, msgspec.inspect.NoneType} <= kinds
    return st.sampled_from([math.nan, math.inf, -math.inf]) if is_optional else st.nothing()


def structs(info: Any) -> st.SearchStrategy[Any]:
    fields = st.fixed_dictionaries({field.name: values(field.type) for field in info.fields})
    if info.cls.__name__ != "Scenario":
        return fields.map(lambda found: info.cls(**found))
    return fields.map(lambda found: consistent(info.cls, found)).filter(lambda one: one is not None)


def consistent(kind: type, fields: dict[str, Any]) -> Any:
    try:
        return kind(**fields)
    except InputError:
        return None


RESULT = validator("result")


@settings(max_examples=25, deadline=None)
@given(st.deferred(lambda: values(msgspec.inspect.type_info(Result))))
def test_every_result_that_its_type_allows_is_json_that_its_schema_allows(result: Result) -> None:
    text = json_bytes(result)
    RESULT.validate(json.loads(text))
    assert json_bytes(msgspec.json.decode(text, type=Result)) == text


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=200), st.integers(1, 9), st.booleans())
def test_evidence_of_any_series_is_finite(samples: list[int], size: int, steady: bool) -> None:
    blocks = [min(size, len(samples) - start) for start in range(0, len(samples), size)]
    for finding in (*series_findings(samples, blocks, steady, 99.0), *noisy_findings(samples)):
        assert msgspec.json.decode(json_bytes(finding), type=Finding) == finding


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 2**40), min_size=6, max_size=60), st.lists(st.integers(1, 2**40), min_size=6, max_size=60)
)
def test_comparison_of_any_two_series_is_finite(first: list[int], second: list[int]) -> None:
    one, other = (Series(tuple(samples), (1,) * len(samples)) for samples in (first, second))
    found = compare(one, other, paired=False)
    assert msgspec.json.decode(json_bytes(found), type=Comparison) == found


@dataclass(frozen=True)
class Series:
    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]
