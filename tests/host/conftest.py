"""A small preparation: made-up photos, and a tiny network with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgetl.host.request import PrepareRequest
from edgetl.recipe import Recipe, recipe_from_data

SIZE = 48


def small_recipe(photos: Path, **changes: Any) -> Recipe:
    """A recipe over ``photos``; keywords replace whole tables."""
    tables: dict[str, Any] = {
        "name": "stripes",
        "data": {"source": str(photos), "test": 0.25, "validation": 0.25},
        "backbone": {
            "name": "timm/test_efficientnet",
            "weights": "random",
            "preprocess": {"height": SIZE, "width": SIZE},
        },
        "adapt": {"method": "linear-probe", "stages": ["blocks.2", "head"], "regularisation": [0.01, 0.1]},
        "quantize": {"calibration": 32, "budget_s": 0},
        "gates": {"accuracy_drop_max": 0.05, "margin": 0.2},
    }
    return recipe_from_data(tables | changes)


@pytest.fixture
def request_of(photos: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes requests that share one cache within a test session, as a user's do."""
    cache = tmp_path_factory.getbasetemp() / "shared-cache"

    def make(**changes: Any) -> PrepareRequest:
        return PrepareRequest(small_recipe(photos, **changes), photos, tmp_path / "out.edgetl", cache, threads=2)

    return make
