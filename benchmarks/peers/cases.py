"""What is quantized: a recipe each, with what differs from its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from peers.adapted import ADAPTED
from peers.contenders import EDGETL, LABELLED, UNLABELLED, Contender
from peers.machine import renderings
from peers.material import Maker
from peers.sentences.make import MINILM

from edgetl.recipe import Recipe, read_recipe

MODELS = Path(__file__).parents[2] / "models"
RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Case:
    """One float network, with the data it was adapted to."""

    title: str
    recipe: Path
    adapt: Mapping[str, Any] = field(default_factory=dict)
    """Options of the method that differ from the recipe's."""
    transformer: bool = False
    """Whether tools that ask are told that this is one."""
    maker: Maker = ADAPTED
    ways: tuple[Contender, ...] = (EDGETL, LABELLED, UNLABELLED)
    """EdgeTL's own that can start from it; what the first one chooses is EdgeTL's choice."""

    @property
    def choosing(self) -> Contender:
        """Whose output is judged as EdgeTL's choice."""
        return self.ways[0]

    @property
    def folder(self) -> Path:
        """Where the recipe lies; its relative paths start there."""
        return self.recipe.parent

    def read(self, name: str) -> Recipe:
        """The recipe with this case's options, and with the renderings that are for this machine."""
        recipe = read_recipe(self.recipe)
        adapt = msgspec.structs.replace(recipe.adapt, options={**recipe.adapt.options, **self.adapt})
        quantize = msgspec.structs.replace(recipe.quantize, renderings=renderings(recipe.quantize.renderings))
        return msgspec.structs.replace(recipe, name=name, adapt=adapt, quantize=quantize)

    def suits(self, contender: Contender) -> bool:
        """Whether a contender can start from it, and is advised for networks of its kind."""
        if not contender.is_peer:
            return contender in self.ways
        return self.transformer or not contender.for_transformers


def _model(name: str) -> Path:
    return MODELS / name / "recipe.toml"


_PLAIN = {"stages": ["head"], "pooling": ["mean"], "views": ["identity"], "balance_stages": False}
"""The network's own pooled features, as most people would take them."""
_SKLEARN = {"sigma_floor": 0.0, "regularisation": [1.0]}
"""StandardScaler and LogisticRegression with their defaults, folded into one product."""

CASES: Mapping[str, Case] = {
    "lite0-probe": Case("EfficientNet-Lite0, linear probe as EdgeTL fits it", _model("solar-cells")),
    "lite0-head-folded": Case(
        "EfficientNet-Lite0, pooled features, scikit-learn's defaults folded into the head",
        _model("solar-cells"),
        {**_PLAIN, **_SKLEARN},
    ),
    "lite0-head-conditioned": Case(
        "EfficientNet-Lite0, pooled features, the head as EdgeTL conditions it", _model("solar-cells"), _PLAIN
    ),
    "lite0-finetune": Case("EfficientNet-Lite0, every layer fine-tuned", _model("solar-cells-finetune")),
    "lite1-probe": Case("EfficientNet-Lite1, linear probe as EdgeTL fits it", _model("solar-cells-lite1")),
    "lite1-finetune": Case("EfficientNet-Lite1, every layer fine-tuned", _model("solar-cells-lite1-finetune")),
    "lite2-probe": Case("EfficientNet-Lite2, linear probe as EdgeTL fits it", _model("solar-cells-lite2")),
    "lite2-finetune": Case("EfficientNet-Lite2, every layer fine-tuned", _model("solar-cells-lite2-finetune")),
    "fashion-mnist": Case("EfficientNet-Lite0, linear probe, Fashion-MNIST", RECIPES / "fashion-mnist.toml"),
    "mobilenetv3-small": Case(
        "MobileNetV3-small, trained briefly from random weights, Fashion-MNIST", RECIPES / "mobilenetv3-small.toml"
    ),
    "resnet18": Case("ResNet-18, trained briefly from random weights, Fashion-MNIST", RECIPES / "resnet18.toml"),
    "vit-tiny": Case(
        "ViT-Tiny, trained briefly from random weights, Fashion-MNIST", RECIPES / "vit-tiny.toml", transformer=True
    ),
    "minilm-l6": Case(
        "all-MiniLM-L6-v2 with a logistic head, sentiment of sentences of up to 64 tokens",
        RECIPES / "minilm-l6.toml",
        transformer=True,
        maker=MINILM,
        ways=(LABELLED, UNLABELLED),
    ),
}
