"""What makes a layer lose, and what would help: rules over what was measured of it, and over what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgetl.explanation import COARSE, Explanation, LayerExplanation
from edgetl.ladder import Ladder
from edgetl.report import numbers
from edgetl.report.explanation.remedies import Remedy, by_ranges, by_training, by_treatment

UNEQUAL = 64.0
"""Ranges of channels this far apart leave the narrowest four of 255 steps."""
WEAK_DB = 30.0
"""Signal to rounding noise below which a layer's own range is said to be to blame; values spread evenly over 8 bits
have 48 dB, Gaussian ones with a range of four deviations to each side 41 dB."""


@dataclass(frozen=True)
class Cause:
    """Why a layer loses, and what helps besides leaving it in float."""

    name: str
    because: str
    """A clause about the layer, such as ``its channels are 900 x apart``."""
    remedy: str
    """What to do that was not tried yet; empty where there is nothing."""
    tried: str
    """What came of what was tried; empty where nothing was."""

    @classmethod
    def of(cls, name: str, because: str, remedy: Remedy) -> Cause:
        """A cause with its remedy."""
        return cls(name, because, remedy.what, remedy.tried)


def cause(layer: LayerExplanation, explanation: Explanation) -> Cause:
    """What is to blame for the noise of a layer.

    Channels far apart go first, of its result or of one that it reads, whichever is worse; then ranges; then weights.
    """
    results, ladder = {one.tensor: one for one in explanation.layers}, explanation.ladder
    sources = tuple(results[name] for name in layer.reads if name in results)
    subjects = (layer, *sources)
    for rule in (_unequal, _clipped, _stretched):
        for subject in sorted(subjects, key=_spread, reverse=True) if rule is _unequal else subjects:
            whose = "its" if subject is layer else f"it reads the result of {subject.name!r}, whose"
            found = rule(subject, whose, ladder)
            if found is not None:
                return found
    return _weights(layer, sources, ladder) or Cause.of(
        "dependence",
        "its range, that of what it reads and its weights are fine, so it is that much depends on it",
        by_training("train against float", ladder),
    )


def _spread(layer: LayerExplanation) -> float:
    return 0.0 if layer.channels is None else layer.channels.spread


def _weights(layer: LayerExplanation, sources: Sequence[LayerExplanation], ladder: Ladder) -> Cause | None:
    sqnr = layer.weights_sqnr_db
    if sqnr is None or sqnr >= WEAK_DB:
        return None
    because = f"of its weights int8 leaves {numbers.db(sqnr)}: some of an output are much larger than the others"
    if any(source.can_equalise for source in sources):
        return Cause.of("weights", because, by_treatment("equalise", "equalise what it reads", ladder))
    return Cause.of("weights", because, by_treatment("adaptive-rounding", "round its weights together", ladder))


def _unequal(layer: LayerExplanation, whose: str, ladder: Ladder) -> Cause | None:
    channels = layer.channels
    if channels is None or channels.spread < UNEQUAL or not channels.coarse:
        return None
    because = (
        f"{whose} channels are {numbers.apart(channels.spread)} apart, and {numbers.count(channels.coarse)} of "
        f"{numbers.count(channels.n)} have fewer than {COARSE} steps of the one scale"
    )
    equalised = by_treatment("equalise", "equalise them with those of the next layer", ladder)
    return Cause.of("unequal channels", because, equalised if layer.can_equalise else Remedy())


def _clipped(layer: LayerExplanation, whose: str, ladder: Ladder) -> Cause | None:
    sqnr, clipped, grid, seen = layer.rounding_sqnr_db, layer.clipped, layer.grid, layer.seen
    if sqnr is None or clipped is None or grid is None or seen is None or sqnr >= WEAK_DB or clipped < 0.5:
        return None
    return Cause.of(
        "clipped",
        f"{whose} range is {numbers.between(grid.low, grid.high)} and its values go from "
        f"{numbers.between(seen.low, seen.high)}; {numbers.percent(clipped)} of the noise of rounding it "
        f"({numbers.db(sqnr)}) is what is cut off",
        by_ranges("minmax", "take all of what was seen as the range", ladder),
    )


def _stretched(layer: LayerExplanation, whose: str, ladder: Ladder) -> Cause | None:
    sqnr, grid, seen = layer.rounding_sqnr_db, layer.grid, layer.seen
    if sqnr is None or grid is None or seen is None or sqnr >= WEAK_DB:
        return None
    return Cause.of(
        "stretched",
        f"{whose} range is {numbers.between(grid.low, grid.high)} for values of {numbers.significant(seen.rms)} "
        f"(root mean square), so that rounding leaves {numbers.db(sqnr)}",
        by_ranges("mse", "take a range that leaves out rare large values", ladder),
    )
