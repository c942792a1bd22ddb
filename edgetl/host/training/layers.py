"""The order of a backbone's layers, from input to output, and which of them are trained when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timm.models import group_parameters
from timm.optim._param_groups import auto_group_layers

from edgetl.errors import RecipeError
from edgetl.host.backbones import Backbone


def layer_of(backbone: Backbone) -> dict[str, int]:
    """Layer number of every parameter, 0 at the input, as the backbone's family counts its stages.

    What only the backbone's own classifier uses is not in it.
    """
    module: Any = backbone.module
    if hasattr(module, "group_matcher"):
        found: Mapping[str, int] = group_parameters(module, module.group_matcher(coarse=True), reverse=True)
    else:
        found = auto_group_layers(module)  # type: ignore[no-untyped-call]
    unused = unused_parameters(backbone)
    numbers = {
        number: place for place, number in enumerate(sorted({found[name] for name in found if name not in unused}))
    }
    return {name: numbers[number] for name, number in found.items() if name not in unused}


def unused_parameters(backbone: Backbone) -> frozenset[str]:
    """Parameters of the backbone's own classifier, which the trunk never calls."""
    module: Any = backbone.module
    classifier = module.get_classifier()
    if not isinstance(classifier, (tuple, list)):
        classifier = (classifier,)
    own = {id(parameter) for part in classifier if part is not None for parameter in part.parameters()}
    return frozenset(name for name, parameter in module.named_parameters() if id(parameter) in own)


def frozen_parameters(backbone: Backbone, last: int | None, freeze_stem: bool) -> frozenset[str]:
    """Names of the parameters that never change.

    Args:
        last: train this many layers from the output; all when ``None``.
        freeze_stem: leave the first layer as it is, which costs nothing in accuracy and saves its backward pass.

    Raises:
        RecipeError: ``last`` is more than there are.

    References:
        Kumar, Shen, Bubeck and Gunasekar, "How to Fine-Tune Vision Models with SGD", 2022 (freezing the stem).
    """
    layers = layer_of(backbone)
    count = max(layers.values()) + 1
    if last is not None and not 1 <= last <= count:
        starts = ", ".join(next(name for name, layer in layers.items() if layer == number) for number in range(count))
        raise RecipeError(
            f"[adapt] last_stages must be 1 to {count} for {backbone.name!r}, got {last}; its stages, from the input, "
            f"begin with: {starts}"
        )
    first = max(1 if freeze_stem and count > 1 else 0, count - (last or count))
    return frozenset(name for name, layer in layers.items() if layer < first) | unused_parameters(backbone)


def thawed(backbone: Backbone, frozen: frozenset[str], epoch: int, epochs: int) -> frozenset[str]:
    """The parameters that train in an epoch when layers thaw from the output, spread over the first half of epochs.

    References:
        Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018 (gradual unfreezing).
    """
    layers = {name: layer for name, layer in layer_of(backbone).items() if name not in frozen}
    if not layers:
        return frozenset()
    top, bottom = max(layers.values()), min(layers.values())
    steps = top - bottom + 1
    reached = min(steps, 1 + epoch * steps // max(1, epochs // 2))
    return frozenset(name for name, layer in layers.items() if layer > top - reached)
