"""The rungs of the ladder as data, those that cost no speed first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edgetl.host.quantize import RenderSettings
from edgetl.runner import own_precision


@dataclass(frozen=True)
class Rung:
    """One way to quantize a float graph."""

    name: str
    refit: bool = True
    """Whether the head is fitted again on the features of the quantized trunk, where the method can."""
    settings: RenderSettings = field(default_factory=RenderSettings)


FIRST = (Rung("head fitted again"), Rung("head as it was", refit=False))
"""Made whatever the budget is, and compared where they differ. A head that is fitted again costs no time on the device,
so it comes first; the other is what is left where a method cannot fit it apart."""

OTHERS = tuple(
    Rung(f"{estimator} ranges", settings=RenderSettings(estimator=estimator))
    for estimator in ("percentile", "mse", "entropy", "minmax")
)
"""Tried in this order where the first ones fail, each as fast as they are; the recipe's own estimator is left out."""


def first_rungs(can_refit: bool) -> tuple[Rung, ...]:
    """What is made in any case."""
    return FIRST if can_refit else tuple(rung for rung in FIRST if not rung.refit)


def other_rungs(rendering: str, estimator: str) -> tuple[Rung, ...]:
    """What is tried next; 16-bit floats have no ranges to choose.

    Args:
        estimator: what the first rungs had.
    """
    if own_precision(rendering) != "int8":
        return ()
    return tuple(rung for rung in OTHERS if rung.settings.estimator != estimator)


def mixed(base: Rung, layers: int, nodes: frozenset[str]) -> Rung:
    """A rung with more nodes in float.

    Args:
        base: what it is otherwise like.
        layers: how many stay in float.
        nodes: their names, and those of the sums behind them.
    """
    name = f"{layers} {'layer' if layers == 1 else 'layers'} in float, {base.name}"
    return replace(base, name=name, settings=replace(base.settings, keep_float=base.settings.keep_float | nodes))
