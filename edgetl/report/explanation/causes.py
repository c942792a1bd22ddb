"""What makes a layer lose, and what would help: rules over what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass

from edgetl.explanation import COARSE, Explanation, LayerExplanation
from edgetl.report import numbers

UNEQUAL = 64.0
"""Ranges of channels this far apart leave the narrowest four of 255 steps."""
WEAK_DB = 30.0
"""Signal to rounding noise below which a layer's own range is said to be to blame; values spread evenly over 8 bits
have 48 dB, Gaussian ones with a range of four deviations to each side 41 dB."""


@dataclass(frozen=True)
class Cause:
    """Why a layer loses, and what to do besides leaving it in float."""

    name: str
    because: str
    """A clause about the layer, such as ``its channels are 900 x apart``."""
    remedy: str
    """Empty where float is all that is left."""


def cause(layer: LayerExplanation, explanation: Explanation) -> Cause:
    """What is to blame for the noise of a layer.

    Channels far apart go first, of its result or of one that it reads, whichever is worse; then ranges; then weights.
    """
    results = {one.tensor: one for one in explanation.layers}
    subjects = (layer, *(results[name] for name in layer.reads if name in results))
    for rule in (_unequal, _clipped, _stretched):
        for subject in sorted(subjects, key=_spread, reverse=True) if rule is _unequal else subjects:
            whose = "its" if subject is layer else f"it reads the result of {subject.name!r}, whose"
            found = rule(subject, whose)
            if found is not None:
                return found
    return _weights(layer) or Cause(
        "dependence",
        "its range, that of what it reads and its weights are fine, so it is that much depends on it",
        "train with quantization",
    )


def _spread(layer: LayerExplanation) -> float:
    return 0.0 if layer.channels is None else layer.channels.spread


def _weights(layer: LayerExplanation) -> Cause | None:
    sqnr = layer.weights_sqnr_db
    if sqnr is None or sqnr >= WEAK_DB:
        return None
    because = f"of its weights int8 leaves {numbers.db(sqnr)}: some of an output are much larger than the others"
    return Cause("weights", because, "equalise what it reads (treatment 'equalise')")


def _unequal(layer: LayerExplanation, whose: str) -> Cause | None:
    channels = layer.channels
    if channels is None or channels.spread < UNEQUAL or not channels.coarse:
        return None
    because = (
        f"{whose} channels are {numbers.apart(channels.spread)} apart, and {numbers.count(channels.coarse)} of "
        f"{numbers.count(channels.n)} have fewer than {COARSE} steps of the one scale"
    )
    remedy = "equalise them with those of the next layer (treatment 'equalise')" if layer.can_equalise else ""
    return Cause("unequal channels", because, remedy)


def _clipped(layer: LayerExplanation, whose: str) -> Cause | None:
    sqnr, clipped, grid, seen = layer.rounding_sqnr_db, layer.clipped, layer.grid, layer.seen
    if sqnr is None or clipped is None or grid is None or seen is None or sqnr >= WEAK_DB or clipped < 0.5:
        return None
    return Cause(
        "clipped",
        f"{whose} range is {numbers.between(grid.low, grid.high)} and its values go from "
        f"{numbers.between(seen.low, seen.high)}; {numbers.percent(clipped)} of the noise of rounding it "
        f"({numbers.db(sqnr)}) is what is cut off",
        'take a wider range: estimator = "minmax" in [quantize], or more calibration images',
    )


def _stretched(layer: LayerExplanation, whose: str) -> Cause | None:
    sqnr, grid, seen = layer.rounding_sqnr_db, layer.grid, layer.seen
    if sqnr is None or grid is None or seen is None or sqnr >= WEAK_DB:
        return None
    return Cause(
        "stretched",
        f"{whose} range is {numbers.between(grid.low, grid.high)} for values of {numbers.significant(seen.rms)} "
        f"(root mean square), so that rounding leaves {numbers.db(sqnr)}",
        'take a range that leaves out rare large values: estimator = "mse" in [quantize]',
    )
