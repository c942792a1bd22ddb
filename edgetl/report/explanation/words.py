"""The verdict in plain words: why int8 was chosen or rejected, which layers lose, what would help, what really ran."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.explanation import Explanation, LayerExplanation
from edgetl.ladder import Ladder
from edgetl.report import ladder, numbers
from edgetl.report.explanation.causes import cause
from edgetl.report.explanation.remedies import Remedy, by_float, by_training, way_to_try

FEW = 3
"""Layers that are named and advised on; more than that are not what one would leave in float by hand."""
HALF = 0.5
LITTLE = 0.01
"""Noise of the features, by their variance over images, below which no layer needs advice where int8 passes."""


def in_words(explanation: Explanation) -> tuple[str, ...]:
    """Sentences, the verdict first."""
    return (
        *ladder.in_words(explanation.ladder),
        *_losses(explanation),
        *_float_layers(explanation),
        *(sentence for one in explanation.runtimes for sentence in _ran(explanation, one.runtime)),
        *(f"{one.runtime} was not profiled: {one.reason}." for one in explanation.runtimes if one.source is None),
    )


def dominating(explanation: Explanation) -> tuple[LayerExplanation, ...]:
    """The fewest layers that bring half of the noise; none where the noise is unknown or nothing is lost."""
    total = sum(layer.noise or 0.0 for layer in explanation.layers)
    found: list[LayerExplanation] = []
    for layer in explanation.worst:
        if total <= 0 or sum(one.noise or 0.0 for one in found) >= HALF * total:
            break
        found.append(layer)
    return tuple(found)


def _losses(explanation: Explanation) -> list[str]:
    measured = [layer for layer in explanation.layers if layer.noise is not None]
    if not measured:
        return ["Which layers lose most is unknown: none was measured alone in int8."]
    found = dominating(explanation)
    if not found:
        return ["No layer brings noise to the features when it alone is in int8."]
    total = sum(layer.noise or 0.0 for layer in measured)
    share = numbers.percent(sum(layer.noise or 0.0 for layer in found) / total)
    of = f"{numbers.count(len(found))} of {numbers.count(len(measured))} layers"
    if len(found) > FEW:
        spread = (
            f"The loss is spread: it takes {of} to make up {share} of the noise that int8 brings to the features, so "
            "a layer more in float gains little."
        )
        trained = by_training("train against float", explanation.ladder)
        return [f"{spread}{_remedies([trained])}", *_way([trained], explanation.ladder)]
    bring = "brings" if len(found) == 1 else "bring"
    named = ", ".join(_named(layer) for layer in found)
    dominate = f"{of} {bring} {share} of the noise that int8 brings to the features: {named}."
    if explanation.ladder.passed and total < LITTLE and all(layer.precision == "int8" for layer in found):
        return [
            dominate,
            f"All of it is {numbers.percent(total)} of their variance over images, so nothing has to help.",
        ]
    return [dominate, *_advices(found, explanation)]


def _advices(layers: Sequence[LayerExplanation], explanation: Explanation) -> list[str]:
    """What is to blame in each, and what would help it."""
    words, remedies = list[str](), list[Remedy]()
    for layer in layers:
        found = cause(layer, explanation)
        is_float = layer.precision == "float"
        own = [Remedy(found.remedy, found.tried)]
        own += [] if is_float else [by_float(layer.name, explanation.ladder)]
        who = f"{_kind(layer)} {layer.name!r}{', which stays in float' if is_float else ''}"
        words.append(f"{who}: {found.because}.{_remedies(own, instead=is_float)}")
        remedies += own
    return [*words, *_way(remedies, explanation.ladder)]


def _remedies(remedies: Sequence[Remedy], instead: bool = False) -> str:
    """Sentences, each behind a space.

    Args:
        instead: of float.
    """
    left, tried = [one.what for one in remedies if one.what], [one.tried for one in remedies if one.tried]
    lead = "Instead of float might help" if instead else "What would help"
    words = f" {lead}: {', or '.join(left)}." if left else ""
    words += f" Tried already: {'; '.join(tried)}." if tried else ""
    return words if words or instead else " The search has nothing left to try."


def _way(remedies: Sequence[Remedy], ladder: Ladder) -> list[str]:
    """How to have tried what was not, if anything."""
    way = way_to_try(ladder)
    return [f"To have tried what would help: {way}."] if way and any(one.what for one in remedies) else []


def _float_layers(explanation: Explanation) -> list[str]:
    """Why layers are in float, each reason once."""
    names: dict[str, list[str]] = {}
    for layer in explanation.layers:
        if layer.precision == "float" and layer.operations_share > 0:
            names.setdefault(layer.in_float_because, []).append(layer.name)
    return [f"In float: {_listed(found)} ({because})." for because, found in names.items()]


def _ran(explanation: Explanation, runtime: str) -> list[str]:
    """What a runtime made of the layers that the graph has in int8."""
    asked = [layer for layer in explanation.layers if layer.precision == "int8" and layer.operations_share > 0]
    ran = {layer.name: one.precision for layer in asked for one in layer.executed if one.runtime == runtime}
    share = sum(layer.operations_share for layer in asked)
    if not ran or not share:
        return []
    by = {
        name: sum(layer.operations_share for layer in asked if ran.get(layer.name) == name) / share
        for name in dict.fromkeys(ran.values())
    }
    told = ", ".join(
        f"{numbers.percent(by[name])} {'unknown' if name is None else f'in {name}'}"
        for name in sorted(by, key=lambda name: -by[name])
    )
    sentence = f"Of the multiply-adds that the graph has in int8, {runtime} computes here: {told}."
    floats = [layer.name for layer in asked if ran.get(layer.name) not in ("int8", None)]
    if floats:
        sentence += f" In float run, though quantized: {_listed(floats)}."
    return [sentence]


def _kind(layer: LayerExplanation) -> str:
    return "Depthwise layer" if layer.is_depthwise else "Layer"


def _named(layer: LayerExplanation) -> str:
    together = "" if layer.measured_with == 1 else f" (measured with {layer.measured_with - 1} of its neighbours)"
    return f"{layer.name!r}{together}"


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {numbers.count(more)} more" if more > 0 else "")
