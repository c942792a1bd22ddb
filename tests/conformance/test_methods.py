"""What every entry of METHODS promises, on small real files."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from edgetl.errors import RecipeError
from edgetl.host import inference
from edgetl.host.adapt import AdaptContext, Adapted, Method
from edgetl.host.export import module_digest, to_onnx
from edgetl.host.inference import Engine
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_backbone, method_options
from edgetl.host.request import PrepareRequest
from edgetl.plugins import METHODS, find
from edgetl.progress import Silent, Step
from edgetl.recipe import recipe_from_data

SIZE = 48
FAST: dict[str, dict[str, Any]] = {"scratch": {"epochs": 1}, "finetune": {"epochs": 1}}
"""Options that keep a method short; a method without an entry runs with its defaults."""


@dataclass(frozen=True)
class Made:
    """What a method made, and the cache that it was made with."""

    cache: Path
    context: AdaptContext
    adapted: Adapted


@pytest.fixture(scope="module", params=sorted(METHODS))
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(method: str, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Once for all tests here, which change nothing in it."""
    return make(method, photos, tmp_path_factory.mktemp("cache"))


def make(method: str, photos: Path, cache: Path) -> Made:
    request = PrepareRequest(recipe(method, photos), photos, cache / "out", cache, 1)
    with pytest.MonkeyPatch.context() as patch:
        # the one thing that a probe leaves to a stopwatch
        patch.setattr(inference, "_times", first_is_fastest)
        return Made(cache, *adapt_backbone(request, load_material(request, Silent()), Silent()))


def first_is_fastest(engines: list[Engine], *_: object) -> dict[Engine, float]:
    return {engine: place for place, engine in enumerate(engines)}


def recipe(method: str, photos: Path) -> Any:
    backbone = {"name": "test_efficientnet", "weights": "random", "preprocess": {"height": SIZE, "width": SIZE}}
    adapt = {"method": method, **FAST.get(method, {})}
    return recipe_from_data({"name": "x", "data": {"source": str(photos)}, "backbone": backbone, "adapt": adapt})


def test_table_name_is_the_method_s_own(method: str) -> None:
    found: Method = find(METHODS, method, "method")
    assert found.name == method
    assert issubclass(found.options, msgspec.Struct)


def test_unknown_options_are_refused_by_name(method: str, photos: Path) -> None:
    wrong = msgspec.structs.replace(recipe(method, photos))
    adapt = msgspec.structs.replace(wrong.adapt, options={"nonsense": 1})
    with pytest.raises(RecipeError, match="nonsense"):
        method_options(msgspec.structs.replace(wrong, adapt=adapt))


def test_trunk_and_head_fit_each_other_and_are_deterministic_in_use(made: Made) -> None:
    adapted = made.adapted
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8))
    with torch.inference_mode():
        first, second = adapted.trunk(images), adapted.trunk(images)
    assert not adapted.trunk.training
    assert first.dtype == torch.float32
    assert torch.equal(first, second)
    assert adapted.head.weight.shape == (2, first.shape[1])
    assert adapted.head.bias.shape == (2,)
    assert np.isfinite(adapted.head.weight).all()


def test_trunk_exports(made: Made) -> None:
    exported = to_onnx(made.adapted.trunk, made.context.workspace.preprocess)
    assert [output.name for output in exported.graph.output] == ["features"]


def test_fitted_head_is_the_head_and_its_own_predictions_cover_the_training_split(method: str, made: Made) -> None:
    context, adapted = made.context, made.adapted
    if adapted.fitted is None:
        features = np.zeros((1, len(context.workspace.splits.train), adapted.head.weight.shape[1]), np.float32)
        source = Constant(features)
        found: Method = find(METHODS, method, "method")
        assert found.refit(context, source, None) is None
    else:
        assert adapted.fitted.head is adapted.head
        assert adapted.fitted.out_of_fold.shape == (len(context.workspace.splits.train), 2)


def test_report_is_json(made: Made) -> None:
    report = made.adapted.report
    assert msgspec.json.decode(msgspec.json.encode(report)) == report


def test_same_seed_gives_the_same_weights(method: str, made: Made, photos: Path, tmp_path: Path) -> None:
    def digest(adapted: Adapted) -> str:
        state = b"".join(tensor.numpy().tobytes() for _, tensor in sorted(adapted.trunk.state_dict().items()))
        return hashlib.sha256(state + adapted.head.weight.tobytes()).hexdigest()

    assert digest(make(method, photos, tmp_path).adapted) == digest(made.adapted)


def test_what_a_method_made_is_kept_whole(method: str, made: Made, photos: Path, tmp_path: Path) -> None:
    request = PrepareRequest(recipe(method, photos), photos, tmp_path / "out", made.cache, threads=1)
    first, stages = made.adapted, Stages()
    _, kept = adapt_backbone(request, load_material(request, Silent()), stages)
    assert stages.titles == ["load the backbone"]
    assert module_digest(kept.trunk) == module_digest(first.trunk)
    assert np.array_equal(kept.head.weight, first.head.weight)
    assert np.array_equal(kept.head.bias, first.head.bias)
    assert kept.report == first.report
    assert (kept.fitted is None) == (first.fitted is None)
    if kept.fitted is not None and first.fitted is not None:
        assert np.array_equal(kept.fitted.out_of_fold, first.fitted.out_of_fold)
        assert (kept.fitted.scores, kept.fitted.losses) == (first.fitted.scores, first.fitted.losses)


class Stages(Silent):
    """Remembers which stages ran."""

    def __init__(self) -> None:
        self.titles: list[str] = []

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        self.titles.append(title)
        return super().stage(title, total)


class Constant:
    """Features that are what they are."""

    def __init__(self, features: np.ndarray) -> None:
        self.features = features

    def training(self, views: tuple[str, ...]) -> np.ndarray:
        return self.features
