"""What is quantized: a recipe each, with what differs from the file in ``models/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from edgetl.recipe import Recipe, read_recipe

MODELS = Path(__file__).parents[2] / "models"


@dataclass(frozen=True)
class Case:
    """One float network, with the data it was adapted to."""

    title: str
    recipe: str
    """Folder in ``models/``."""
    adapt: Mapping[str, Any] = field(default_factory=dict)
    """Options of the method that differ from the recipe's."""
    transformer: bool = False
    """Whether tools that ask are told that this is one."""

    @property
    def folder(self) -> Path:
        """Where the recipe lies; its relative paths start there."""
        return MODELS / self.recipe

    def read(self, name: str) -> Recipe:
        """The recipe with this case's options."""
        recipe = read_recipe(self.folder / "recipe.toml")
        options = {**recipe.adapt.options, **self.adapt}
        return msgspec.structs.replace(recipe, name=name, adapt=msgspec.structs.replace(recipe.adapt, options=options))


_PLAIN = {"stages": ["head"], "pooling": ["mean"], "views": ["identity"], "balance_stages": False}
"""The network's own pooled features, as most people would take them."""
_SKLEARN = {"sigma_floor": 0.0, "regularisation": [1.0]}
"""StandardScaler and LogisticRegression with their defaults, folded into one product."""

CASES: Mapping[str, Case] = {
    "lite0-probe": Case("EfficientNet-Lite0, linear probe as EdgeTL fits it", "solar-cells"),
    "lite0-head-folded": Case(
        "EfficientNet-Lite0, pooled features, scikit-learn's defaults folded into the head",
        "solar-cells",
        {**_PLAIN, **_SKLEARN},
    ),
    "lite0-head-conditioned": Case(
        "EfficientNet-Lite0, pooled features, the head as EdgeTL conditions it", "solar-cells", _PLAIN
    ),
    "lite0-finetune": Case("EfficientNet-Lite0, every layer fine-tuned", "solar-cells-finetune"),
    "lite1-probe": Case("EfficientNet-Lite1, linear probe as EdgeTL fits it", "solar-cells-lite1"),
    "lite1-finetune": Case("EfficientNet-Lite1, every layer fine-tuned", "solar-cells-lite1-finetune"),
    "lite2-probe": Case("EfficientNet-Lite2, linear probe as EdgeTL fits it", "solar-cells-lite2"),
    "lite2-finetune": Case("EfficientNet-Lite2, every layer fine-tuned", "solar-cells-lite2-finetune"),
}
