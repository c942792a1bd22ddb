"""Every stage's output is content-addressed: changing a late stage never repeats an early one."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgetl.bundle import Bundle
from edgetl.device.cached_files import cached_files
from edgetl.device.probe import INT8_DOT, environment
from edgetl.host.inference import installed
from edgetl.host.prepare import prepare
from edgetl.host.request import PrepareRequest
from edgetl.progress import Silent, Step
from edgetl.recipe import recipe_from_data

READING = {"audit", "search for near-duplicates", "load the backbone"}
"""Looking at the inputs, which every run does."""
QUANTIZING = {
    "calibrate",
    "quantize for x86-vnni",
    "extract features of the int8 trunk (x86-vnni)",
    "fit the head",
    "evaluate int8-x86-vnni",
}
ADAPTING = {
    "choose the fastest float runtime",
    "export the trunk to ONNX",
    "extract features",
    "fit the head",
    "compare with torch on real images",
    "evaluate fp32",
}


class Stages(Silent):
    """Remembers which stages ran."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        self.titles.append(title)
        return super().stage(title, total)


@dataclass(frozen=True)
class Shop:
    """Prepares recipes that share one cache, and says which stages ran."""

    photos: Path
    folder: Path

    def stages(self, base: Path | None = None, **changes: Any) -> list[str]:
        stages, folder = Stages(), base or self.folder
        recipe = recipe_from_data({**TABLES, "data": {**DATA, "source": str(self.photos)}, **changes})
        prepare(PrepareRequest(recipe, folder, self.folder / "out.edgetl", self.folder / "cache", 2), stages)
        # which of the runtimes is the other one is measured
        return [title.partition(" in ")[0] for title in stages.titles]


DATA = {"test": 0.25, "validation": 0.25}
TABLES = {
    "name": "stripes",
    "backbone": {
        "name": "timm/test_efficientnet",
        "weights": "random",
        "preprocess": {"height": 48, "width": 48},
    },
    "adapt": {"method": "linear-probe", "stages": ["blocks.2", "head"], "regularisation": [0.01, 0.1]},
    "quantize": {"calibration": 32},
    "gates": {"accuracy_drop_max": 0.05, "margin": 0.2},
    "golden": {"n": 8},
}


@pytest.fixture(scope="module")
def shop(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop in which the recipe was prepared once; that run went through every stage."""
    shop = Shop(photos, tmp_path_factory.mktemp("shop"))
    assert set(shop.stages()) == READING | QUANTIZING | ADAPTING
    return shop


@pytest.mark.parametrize(
    "changes",
    [
        {"gates": {"accuracy_drop_max": 0.06, "margin": 0.3}},
        {"golden": {"n": 12}},
        {"golden": {"n": 8, "include_images": False}},
        {"version": 2},
        {"name": "other"},
        {"quantize": {"renderings": []}},
    ],
    ids=str,
)
def test_a_change_of_what_only_judging_and_packing_read_repeats_nothing(shop: Shop, changes: dict[str, Any]) -> None:
    assert set(shop.stages(**changes)) == READING


def test_a_change_of_the_card_repeats_nothing(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("")
    (tmp_path / "card.md").write_text("# Another card")
    assert set(shop.stages(tmp_path)) == READING
    assert "Another card" in Bundle.open(shop.folder / "out.edgetl").read("card.md").decode()


@pytest.mark.parametrize("quantize", [{"calibration": 24}, {"calibration": 32, "estimator": "minmax"}], ids=str)
def test_a_change_of_quantization_repeats_no_stage_before_it(shop: Shop, quantize: dict[str, Any]) -> None:
    ran = shop.stages(quantize=quantize)
    assert set(ran) == READING | QUANTIZING
    assert ran.count("fit the head") == 1
    # once to fit the head, and once to know what it is worth in each other runtime, where this CPU has its kernels
    runs = len(installed()) if INT8_DOT & set(environment().cpu.isa) else 1
    assert ran.count("extract features of the int8 trunk (x86-vnni)") == runs


@pytest.mark.slow
def test_what_is_taken_from_the_cache_gives_the_same_bundle(shop: Shop) -> None:
    gates = {"accuracy_drop_max": 0.07, "margin": 0.2}
    shop.stages(gates=gates)
    kept = Bundle.open(shop.folder / "out.edgetl").sha256
    for file in cached_files(shop.folder / "cache"):
        # which runtime is fastest is measured, and another one rounds differently
        if file.kind != "fastest":
            file.path.unlink()
    assert set(shop.stages(gates=gates)) == READING | QUANTIZING | ADAPTING
    assert Bundle.open(shop.folder / "out.edgetl").sha256 == kept
