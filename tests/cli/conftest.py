"""What tests of several commands need."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that no other test has filled."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("EDGETL_CACHE", str(cache))
    return cache
