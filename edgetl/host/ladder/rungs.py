"""The rungs of the ladder as data, those that cost no speed first."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace

from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.treatments import done, of_graphs, of_renderings, ordered
from edgetl.runner import own_precision


@dataclass(frozen=True)
class Rung:
    """One way to quantize a float graph."""

    name: str
    refit: bool = True
    """Whether the head is fitted again on the features of the quantized trunk, where the method can."""
    settings: RenderSettings = field(default_factory=RenderSettings)
    on_graph: tuple[str, ...] = ()
    """Treatments of the float graph, before calibration."""
    tuning_s: float | None = None
    """Seconds that its training may take; ``None`` without one."""

    @property
    def treatments(self) -> tuple[str, ...]:
        """All treatments, those of the Q/DQ graph among them, in the order in which they are applied."""
        return ordered((*self.on_graph, *self.settings.treatments))


FIRST = (Rung("head fitted again"), Rung("head as it was", refit=False))
"""Made whatever the budget is, and compared where they differ. A head that is fitted again costs no time on the device,
so it comes first; the other is what is left where a method cannot fit it apart."""

OTHERS = tuple(
    Rung(f"{estimator} ranges", settings=RenderSettings(estimator=estimator))
    for estimator in ("percentile", "mse", "entropy", "minmax")
)
"""Tried in this order where the first ones fail, each as fast as they are; the recipe's own estimator is left out."""


def first_rungs(can_refit: bool, allowed: tuple[str, ...], due: tuple[str, ...] = ()) -> tuple[Rung, ...]:
    """What is made in any case.

    Args:
        allowed: treatments that the recipe allows.
        due: those of the float graph that are applied from the start.
    """
    return tuple(_within(replace(rung, on_graph=due), allowed) for rung in FIRST if can_refit or not rung.refit)


def other_rungs(
    rendering: str, estimator: str, allowed: tuple[str, ...], due: tuple[str, ...] = ()
) -> tuple[Rung, ...]:
    """What is tried next; 16-bit floats have no ranges to choose.

    Args:
        estimator: what the first rungs had.
        allowed: treatments that the recipe allows.
        due: those of the float graph that the first rungs had.
    """
    if not is_on_integers(rendering):
        return ()
    others = (rung for rung in OTHERS if rung.settings.estimator != estimator)
    return tuple(_within(replace(rung, on_graph=due), allowed) for rung in others)


def treatments_alone(rendering: str, base: Rung, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Treatments to try one by one after that: all allowed ones that the base has not, in the order of their table.

    Renderings without integers have nothing to mend.
    """
    return tuple(name for name in allowed if name not in base.treatments) if is_on_integers(rendering) else ()


def with_one_less(rendering: str, base: Rung) -> tuple[Rung, ...]:
    """A rung without each of the treatments that the base has, to know what they gain."""
    return tuple(untreated(base, name) for name in base.treatments) if is_on_integers(rendering) else ()


def treatments_together(alone: Mapping[str, float]) -> Generator[tuple[str, ...], float]:
    """Sets of treatments, each to be answered with the fraction that its graph loses.

    The treatment that lost least alone is joined by the next best one. What makes the set no better is left out again,
    and so is tried in no larger set.

    Args:
        alone: what graphs lose with each of the treatments that helped alone.
    """
    names = sorted(alone, key=lambda name: alone[name])
    kept = tuple(names[:1])
    loss = min(alone.values(), default=0.0)
    for name in names[1:]:
        found = yield (*kept, name)
        if found < loss:
            kept, loss = (*kept, name), found


def treated(base: Rung, names: tuple[str, ...]) -> Rung:
    """A rung with more treatments."""
    every = ordered((*base.treatments, *names))
    settings = replace(base.settings, treatments=of_renderings(every))
    words = " and ".join(done(names))
    return replace(base, name=f"{words}, {base.name}", settings=settings, on_graph=of_graphs(every))


def untreated(rung: Rung, name: str) -> Rung:
    """A rung without one of its treatments."""
    return replace(
        _within(rung, tuple(other for other in rung.treatments if other != name)), name=f"without {name}, {rung.name}"
    )


def mixed(base: Rung, layers: int, nodes: frozenset[str]) -> Rung:
    """A rung with more nodes in float.

    Args:
        base: what it is otherwise like.
        layers: how many stay in float.
        nodes: their names, and those of the sums behind them.
    """
    name = f"{layers} {'layer' if layers == 1 else 'layers'} in float, {base.name}"
    return replace(base, name=name, settings=replace(base.settings, keep_float=base.settings.keep_float | nodes))


def tuned(base: Rung, seconds: float) -> Rung:
    """A rung whose graph is trained, too, for so long at most."""
    return replace(base, name=f"trained against float, {base.name}", tuning_s=seconds)


def is_on_integers(rendering: str) -> bool:
    """Whether a rendering has ranges to choose, and rounding to mend."""
    return own_precision(rendering) == "int8"


def _within(rung: Rung, allowed: tuple[str, ...]) -> Rung:
    """A rung with no other treatments than these."""
    names = tuple(name for name in rung.treatments if name in allowed)
    return replace(rung, settings=replace(rung.settings, treatments=of_renderings(names)), on_graph=of_graphs(names))
