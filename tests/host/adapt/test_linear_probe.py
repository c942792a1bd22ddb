from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgetl.host.adapt import AdaptContext, Adapted, FittedHead, linear_probe
from edgetl.host.adapt.heads import Floats
from edgetl.host.adapt.linear_probe import METHOD, NEAR, probe_head, share_of_noise
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_backbone
from edgetl.host.request import PrepareRequest
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data

SIZE = 48
VIEWS = ("identity", "hflip", "vflip")


class Graph:
    """A graph that computes other features than the trunk; it remembers what it was asked for."""

    def __init__(self, features: Floats) -> None:
        self._features = features
        self.asked: list[tuple[str, ...]] = []

    def training(self, views: tuple[str, ...]) -> Floats:
        self.asked.append(views)
        return self._features[: len(views)]


@pytest.fixture(scope="module")
def adapted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[AdaptContext, Adapted]:
    cache = tmp_path_factory.mktemp("cache")
    data = {
        "name": "x",
        "data": {"source": str(photos)},
        "backbone": {
            "name": "test_efficientnet",
            "weights": "random",
            "preprocess": {"height": SIZE, "width": SIZE},
        },
        "adapt": {"method": "linear-probe", "views": list(VIEWS)},
    }
    request = PrepareRequest(recipe_from_data(data), photos, cache / "out", cache, 1)
    return adapt_backbone(request, load_material(request, Silent()), Silent())


@pytest.fixture(scope="module")
def known(adapted: tuple[AdaptContext, Adapted]) -> Floats:
    """What the trunk computes of each view, ``(views, n, d)``."""
    context, made = adapted
    seen: list[Floats] = []

    def fitted_to(context: AdaptContext, features: Floats) -> FittedHead:
        seen.append(features)
        return probe_head(context, features)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear_probe, "probe_head", fitted_to)
        METHOD.adapt(context)
    (features,) = seen
    assert features.shape == (len(VIEWS), len(context.workspace.splits.train), made.head.weight.shape[1])
    return features


def noisy(known: Floats, share: float) -> Floats:
    """The same with noise that is this share of their variance."""
    noise = np.random.default_rng(0).normal(0, 1, known.shape)
    return np.asarray(known + np.sqrt(share) * known[0].std(axis=0) * noise, np.float32)


def test_head_is_fitted_again_to_the_graph_s_own_images_and_to_views_of_the_trunk(
    adapted: tuple[AdaptContext, Adapted], known: Floats
) -> None:
    context, made = adapted
    assert made.fitted is not None
    features = noisy(known, NEAR / 4)
    graph = Graph(features)
    fitted = METHOD.refit(context, graph, made.fitted)
    assert graph.asked == [("identity",)]
    counts = np.array([1.5, 0.75, 0.75], np.float32)  # what is the graph's own counts twice
    expected = probe_head(context, np.concatenate([features[:1], known[1:]]), made.fitted, counts)
    np.testing.assert_array_equal(fitted.head.weight, expected.head.weight)
    # not the head as it was
    assert not np.array_equal(fitted.head.weight, made.head.weight)
    np.testing.assert_array_equal(fitted.out_of_fold, fitted.folds.logits(features[0]))


def test_features_far_from_the_trunk_s_need_all_views_of_their_own(
    adapted: tuple[AdaptContext, Adapted], known: Floats
) -> None:
    context, made = adapted
    features = noisy(known, 4 * NEAR)
    graph = Graph(features)
    fitted = METHOD.refit(context, graph, made.fitted)
    assert graph.asked == [("identity",), VIEWS]
    np.testing.assert_array_equal(fitted.head.weight, probe_head(context, features, made.fitted).head.weight)


def test_share_of_noise_is_that_of_what_a_head_sees() -> None:
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.uniform(-3, 3, 200)
    known = (rng.normal(5, 1, (500, 200)) * scale).astype(np.float32)
    noise = (rng.normal(0, 0.5, known.shape) * scale).astype(np.float32)
    assert share_of_noise(known, known, scale.astype(np.float32)) == 0
    assert share_of_noise(known + noise, known, scale.astype(np.float32)) == pytest.approx(0.25, rel=0.05)
    # features that tell nothing apart are no measure
    assert share_of_noise(known[:1], known[:1], scale.astype(np.float32)) == np.inf
