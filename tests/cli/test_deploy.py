"""deploy and prepare hand over what was asked for, and answer with what came back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest

from edgetl.cli import run
from edgetl.result import Result


class SkippedOnly(msgspec.Struct):
    """What a report reads of what the host half made."""

    skipped: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


class Made(msgspec.Struct):
    """What the fake pipeline returns."""

    prepared: SkippedOnly
    result: Result
    result_path: str
    report_path: str


@dataclass
class Pipeline:
    """Copies a bundle and remembers what it was asked."""

    bundle: Path
    result: Result
    requests: list[Any] = field(default_factory=list)
    settings: list[Any] = field(default_factory=list)
    prepared: SkippedOnly = field(default_factory=SkippedOnly)

    def deploy(self, request: Any, settings: Any, progress: Any) -> Made:
        self.requests.append(request)
        self.settings.append(settings)
        request.out.write_bytes(self.bundle.read_bytes())
        with progress.stage("fake"):
            return Made(self.prepared, self.result, str(request.out.with_suffix(".result.json")), "report.md")


@pytest.fixture
def pipeline(tiny_bundle: Path, result: Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Pipeline]:
    fake = Pipeline(tiny_bundle, result)
    module = ModuleType("edgetl.pipeline")
    module.deploy = fake.deploy  # type: ignore[attr-defined]
    module.DeploySettings = lambda *values: SimpleNamespace(
        **dict(zip(("target", "qualify", "report"), values, strict=True))
    )  # type: ignore[attr-defined]
    host = ModuleType("edgetl.host.prepare")
    names = ("recipe", "base", "out", "cache", "threads", "fresh")
    host.PrepareRequest = lambda *values: SimpleNamespace(**dict(zip(names, values, strict=False)))  # type: ignore[attr-defined]
    host.method_options = lambda _: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "edgetl.pipeline", module)
    monkeypatch.setitem(sys.modules, "edgetl.host.prepare", host)
    monkeypatch.delitem(sys.modules, "edgetl.cli.request", raising=False)
    monkeypatch.setenv("EDGETL_CACHE", str(tmp_path / "cache"))
    yield fake
    # it has seen the fakes; the next test imports it again
    sys.modules.pop("edgetl.cli.request", None)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "x"\n[data]\nsource = "photos"\n[backbone]\nname = "timm/resnet18"\n')
    return path


def test_deploy_shows_what_was_chosen_and_where_the_files_are(
    pipeline: Pipeline, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", str(recipe), "-o", str(tmp_path / "x.edgetl")]) == 0
    shown = capsys.readouterr()
    assert "Passed: int8/openvino/int8/2t" in shown.out
    assert "x.result.json" in "".join(shown.out.split())
    assert shown.err == "fake ... done in 0.0 s\n"


def test_deploy_hands_over_the_recipe_and_the_flags(pipeline: Pipeline, recipe: Path, tmp_path: Path) -> None:
    flags = ["--effort", "quick", "--threads", "3", "--cache", str(tmp_path / "c"), "--skip-bad", "--fresh", "-q"]
    assert run(["deploy", str(recipe), "-o", str(tmp_path / "x.edgetl"), *flags]) == 0
    request = pipeline.requests[0]
    assert (request.threads, request.cache, request.fresh) == (3, tmp_path / "c", True)
    assert request.recipe.data.skip_bad
    assert request.base == tmp_path
    assert (pipeline.settings[0].qualify.effort, pipeline.settings[0].target.name) == ("quick", "local")


def test_deploy_that_misses_a_gate_is_3_and_still_answers(
    pipeline: Pipeline, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.result = msgspec.structs.replace(pipeline.result, selected=None, passed=False)
    assert run(["deploy", str(recipe), "-o", str(tmp_path / "x.edgetl"), "--json"]) == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out)["result"]["passed"] is False
    assert "no candidate passed every gate" in shown.err


def test_deploy_straight_from_data_needs_no_recipe(pipeline: Pipeline, tmp_path: Path) -> None:
    flags = ["--data", "photos", "--backbone", "timm/resnet18", "-q"]
    assert run(["deploy", *flags, "-o", str(tmp_path / "parts.edgetl")]) == 0
    assert pipeline.requests[0].recipe.name == "parts"


def test_deploy_writes_its_report_where_it_is_told(pipeline: Pipeline, recipe: Path, tmp_path: Path) -> None:
    flags = ["-o", str(tmp_path / "x.edgetl"), "-q"]
    assert run(["deploy", str(recipe), *flags]) == 0
    assert run(["deploy", str(recipe), *flags, "--report", str(tmp_path / "page.md")]) == 0
    assert [settings.report for settings in pipeline.settings] == [None, tmp_path / "page.md"]


def test_deploy_refuses_a_format_of_report_it_cannot_write_at_the_door(
    pipeline: Pipeline, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", str(recipe), "-o", str(tmp_path / "x.edgetl"), "--report", "page.pdf"]) == 2
    assert ".pdf" in capsys.readouterr().err
    assert pipeline.requests == []


def test_deploy_tells_which_images_were_left_out(
    pipeline: Pipeline, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.prepared = SkippedOnly((("photos/a/broken.png", "it is cut off"),))
    assert run(["deploy", str(recipe), "-o", str(tmp_path / "x.edgetl"), "-q"]) == 0
    shown = capsys.readouterr().out
    assert "Left out" in shown
    assert "broken.png" in shown
    assert "it is cut off" in shown


def test_deploy_tells_what_preparing_remarked(
    pipeline: Pipeline, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.prepared = SkippedOnly(remarks=("[gates.target.jetsen]: no target of that name is known here",))
    assert run(["deploy", str(recipe), "-o", str(tmp_path / "x.edgetl"), "-q"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Note: [gates.target.jetsen]: no target of that name is known here." in shown
