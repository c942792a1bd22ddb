"""How benchmarks of real models are made quick."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.bundle import Bundle
from edgetl.device.bench import models, plan, watch
from edgetl.device.bench.models import BenchSettings
from edgetl.result import Cold


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Efforts last some hundredths of a second, and nothing is started in processes of its own."""
    quick = replace(plan.PLANS["quick"], warmup_s=0.0, window_s=0.002, min_s=0.01, min_blocks=2)
    monkeypatch.setattr(models, "PLANS", {"quick": quick})
    monkeypatch.setattr(models, "measure_cold", lambda *_: Cold(1, 1, 1, None))
    monkeypatch.setattr(watch, "_FIRST_READINGS_S", 0.0)


@pytest.fixture
def make_bundle(make_bundle: Callable[..., Bundle]) -> Callable[..., Bundle]:
    """The same with a rendering that every x86 CPU computes exactly."""
    return functools.partial(make_bundle, rendering="x86")


@pytest.fixture
def settings(tmp_path: Path, short: None) -> BenchSettings:
    """One thread, as quick as it gets."""
    return BenchSettings("quick", tmp_path / "cache", threads=1)
