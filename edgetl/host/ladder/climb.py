"""From a float graph to the fastest quantized one that passes the gates, rung by rung."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from edgetl.device.probe import environment
from edgetl.errors import Unsupported
from edgetl.host.judge import SIZE, verdict
from edgetl.host.ladder.ascent import Ascent, Purse
from edgetl.host.ladder.attempts import Tried, attempt, is_settled, quantization, timed
from edgetl.host.ladder.choice import chosen, front, most_accurate
from edgetl.host.ladder.rungs import FIRST, Rung, first_rungs, mixed, other_rungs
from edgetl.host.ladder.sensitivity import Layer, ranked_layers
from edgetl.host.ladder.smallest import smallest
from edgetl.host.ladder.speed import untimed_because
from edgetl.host.variants import Made, quantized_variant, variant_name
from edgetl.ladder import Attempt, Ladder
from edgetl.runner import own_precision

OUT_OF_TIME = "budget_s of [quantize] was spent"
FRONT = (1, 2, 4)
"""Numbers of layers in float that a whole search tries where none has to stay."""


@dataclass(frozen=True)
class Climbed:
    """What a climb ended with."""

    made: Made
    """The chosen graph; whether it passes is for packing to judge."""
    ladder: Ladder


class _OutOfTimeError(Exception):
    """Nothing more may be begun."""


def climb(ascent: Ascent) -> Climbed:
    """Try one rung after the other until one passes, or all of them, within the recipe's budget.

    Every rung is judged by the gates on selection data and kept in the cache, and so is its time: a climb that was
    stopped goes on there. The first rungs are made whatever the budget is.

    Raises:
        Unsupported: the rendering cannot write anything of this graph.
    """
    state = _State(ascent)
    try:
        ended = state.climb()
    except _OutOfTimeError:
        ended = OUT_OF_TIME
    return state.finish(ended)


class _State:
    """Rungs so far, and what is left to spend."""

    def __init__(self, ascent: Ascent) -> None:
        self._ascent = ascent
        self._purse = Purse(ascent.quantize.budget_s)
        self._tried: list[Tried] = []
        self._is_whole = ascent.quantize.search == "all"

    def climb(self) -> str:
        """Go on until there is a reason to stop."""
        ascent = self._ascent = self._with_head_that_can_be_fitted()
        for rung in first_rungs(ascent.refit is not None):
            if self._try(rung).attempt.passed and not self._is_whole:
                return f"{rung.name!r} passes"
            if (hopeless := self._hopeless()) is not None:
                return hopeless
        if all(one.outcome.model_sha256 is None for one in self._tried):
            raise Unsupported(self._tried[0].attempt.reason)
        for rung in other_rungs(ascent.rendering, ascent.calibrated.record.estimator):
            if self._try_within(rung).attempt.passed and not self._is_whole:
                return f"{rung.name!r} passes"
        return self._mix()

    def _with_head_that_can_be_fitted(self) -> Ascent:
        """The climb without a refit where the method does none; a graph that is made for this is among the first."""
        if self._ascent.refit is None:
            return self._ascent
        tried = attempt(self._ascent, FIRST[0], Purse(0.0))
        is_fitted = tried.outcome.model_sha256 is None or tried.attempt.head == "fitted again"
        return self._ascent if is_fitted else replace(self._ascent, refit=None)

    def _hopeless(self) -> str | None:
        """Why no other rung can pass, as far as that is known already."""
        ascent = self._ascent
        wanting = [check for check in verdict(ascent.made, ascent.made, ascent.jury) if not check.passed]
        if any(check.name != SIZE for check in wanting):
            return "the float graph itself misses a gate"
        if self._tried[0].outcome.is_too_large:
            return "the file is too large, and no other graph is smaller"
        return None

    def finish(self, ended: str) -> Climbed:
        """Choose, and write the chosen graph under the variant's own name."""
        ascent = self._ascent
        is_timed = len(self._tried) > 1 and not untimed_because(ascent.rendering, environment().cpu)
        best = chosen(self._tried, is_timed)
        path = ascent.made.model.with_name(f"{variant_name(ascent.rendering)}.onnx")
        graph = quantized_variant(ascent.made, quantization(ascent, best.rung), path, ascent.workspace)
        ladder = Ladder(
            ascent.rendering,
            ascent.quantize.search,
            ascent.quantize.budget_s,
            tuple(_told(one) for one in self._tried),
            best.rung.name,
            best.attempt.passed,
            front(self._tried, is_timed),
            ended,
            "time" if is_timed else "int8 share",
        )
        return Climbed(graph, ladder)

    def _try(self, rung: Rung) -> Tried:
        """A rung with what came of it; of equal graphs only the first is among those tried."""
        tried = attempt(self._ascent, rung, self._purse)
        digest = tried.outcome.model_sha256
        if digest is None or digest not in {one.outcome.model_sha256 for one in self._tried}:
            self._tried.append(tried)
        if len(self._tried) > 1:
            # one alone leaves nothing to choose, and a device times its candidates itself
            self._tried = [one if is_settled(one) else timed(self._ascent, one, self._purse) for one in self._tried]
        return tried

    def _try_within(self, rung: Rung) -> Tried:
        if self._purse.is_empty:
            raise _OutOfTimeError
        return self._try(rung)

    def _mix(self) -> str:
        ascent = self._ascent
        if own_precision(ascent.rendering) != "int8":
            return "there is nothing else to try in 16 bits"
        base = most_accurate(self._tried).rung
        layers = ranked_layers(ascent, base, self._purse)
        if layers is None:
            raise _OutOfTimeError
        if len(layers) < 2:
            return "with its only layer in float nothing would be quantized"
        if any(one.attempt.passed for one in self._tried):
            for count in (number for number in FRONT if number < len(layers)):
                self._try_within(self._mixed(base, layers[:count]))
            return "everything was tried"
        self._narrow(base, layers)
        passed = any(one.attempt.passed for one in self._tried)
        return "fewer layers in float do not pass" if passed else "even with all layers but one in float it fails"

    def _narrow(self, base: Rung, layers: tuple[Layer, ...]) -> None:
        """Look for the smallest set of layers that has to stay in float."""
        search = smallest(len(layers))
        members = next(search)
        with suppress(StopIteration):
            while True:
                rung = self._mixed(base, (layers[place] for place in sorted(members)))
                members = search.send(self._try_within(rung).attempt.passed)

    def _mixed(self, base: Rung, layers: Iterable[Layer]) -> Rung:
        """A rung with layers in float, under a name of its own."""
        chosen = tuple(layers)
        rung = mixed(base, len(chosen), frozenset(name for layer in chosen for name in layer))
        others = sum(one.rung.name.startswith(rung.name) for one in self._tried)
        return replace(rung, name=f"{rung.name} ({others + 1})") if others else rung


def _told(tried: Tried) -> Attempt:
    if is_settled(tried):
        return tried.attempt
    return msgspec.structs.replace(tried.attempt, untimed_because="there was nothing to choose; devices time it")
