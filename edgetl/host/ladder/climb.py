"""From a float graph to the fastest quantized one that passes the gates, rung by rung."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from edgetl.device.tasks.likeness import ERROR
from edgetl.errors import BackendError, Unsupported
from edgetl.host.judge import SIZE, verdict
from edgetl.host.ladder.ascent import Ascent, Purse
from edgetl.host.ladder.attempts import Tried, attempt, is_settled, judged_form, timed, written
from edgetl.host.ladder.choice import chosen, front, loss_of, most_accurate
from edgetl.host.ladder.gains import with_gains
from edgetl.host.ladder.rungs import (
    Rung,
    first_rungs,
    is_on_integers,
    mixed,
    other_rungs,
    treated,
    treatments_alone,
    treatments_together,
    tuned,
    with_one_less,
)
from edgetl.host.ladder.sensitivity import Layer, noise_of, ranked_layers
from edgetl.host.ladder.smallest import smallest
from edgetl.host.ladder.speed import untimed_because
from edgetl.host.variants import Made, variant_name
from edgetl.ladder import OUT_OF_TIME, Attempt, Ladder
from edgetl.plugins import TREATMENTS

FRONT = (1, 2, 4)
"""Numbers of layers in float that a whole search tries where none has to stay."""
WORTHWHILE = 1 / 3
"""Fraction of the operations in int8 below which a graph is hardly faster than float: EfficientNet-Lite0 took 0.95 of
its time with 0.32 of them, and 1.1 of it with 0.05."""


@dataclass(frozen=True)
class Climbed:
    """What a climb ended with."""

    made: Made
    """The chosen graph; whether it passes is for packing to judge."""
    ladder: Ladder
    rung: Rung
    """How it was made."""


class _EndedError(Exception):
    """Nothing more is to be tried, for this reason."""


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
    except _EndedError as error:
        ended = str(error)
    return state.finish(ended)


class _State:
    """Rungs so far, and what is left to spend."""

    def __init__(self, ascent: Ascent) -> None:
        self._ascent = ascent
        self._purse = Purse(ascent.quantize.budget_s)
        self._tried: list[Tried] = []
        self._seen: list[Tried] = []
        self._is_whole = ascent.quantize.search == "all"

    def climb(self) -> str:
        """Go on until there is a reason to stop: a step follows where all before it were not enough.

        They stand in the order of what they cost: nothing, some more graphs, speed on the device, minutes of training.
        """
        self._ascent = self._with_head_that_can_be_fitted()
        self._first()
        self._ranges()
        self._treatments()
        return self._tuning(self._mixed_precision())

    def _first(self) -> None:
        for rung in self._first_rungs(self._ascent.refit is not None):
            self._end_if_enough(self._try(rung))
            if (hopeless := self._hopeless()) is not None:
                raise _EndedError(hopeless)
        if all(one.outcome.model_sha256 is None for one in self._tried):
            raise Unsupported(self._tried[0].attempt.reason)

    def _first_rungs(self, can_refit: bool) -> tuple[Rung, ...]:
        return first_rungs(can_refit, self._ascent.treatments, self._ascent.due)

    def _ranges(self) -> None:
        ascent = self._ascent
        rungs = other_rungs(ascent.rendering, ascent.calibrated.record.estimator, ascent.treatments, ascent.due)
        for rung in rungs if self._is_whole else self._quieter(rungs):
            self._end_if_enough(self._try_within(rung))

    def _quieter(self, rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
        """Those that bring less noise to the features than the best so far, the quietest first.

        Judging a graph takes all selection data, its noise a few calibration samples: what is noisier than a graph that
        failed is not worth that where one that passes is enough.
        """
        noises = []
        for rung in (most_accurate(self._tried).rung, *rungs) if rungs else ():
            if self._purse.is_empty:
                raise _EndedError(OUT_OF_TIME)
            try:
                noises.append(noise_of(self._ascent, rung, self._purse))
            except BackendError:
                return rungs
        ranked = sorted(zip(noises[1:], rungs, strict=True), key=lambda pair: pair[0])
        return tuple(rung for noise, rung in ranked if noise < noises[0])

    def _treatments(self) -> None:
        """Each treatment alone upon the best so far, then those that helped, together.

        Where everything is wanted, the best so far is made without those that it has, too, to know what they gain.
        """
        base = most_accurate(self._tried)
        helped: dict[str, float] = {}
        for name in treatments_alone(self._ascent.rendering, base.rung, self._ascent.treatments):
            alone = self._try_within(treated(base.rung, (name,)))
            self._end_if_enough(alone)
            if loss_of(alone) < loss_of(base):
                helped[name] = loss_of(alone)
        for rung in with_one_less(self._ascent.rendering, base.rung) if self._is_whole else ():
            self._try_within(rung)
        search = treatments_together(helped)
        with suppress(StopIteration):
            names = next(search)
            while True:
                together = self._try_within(treated(base.rung, names))
                self._end_if_enough(together)
                names = search.send(loss_of(together))

    def _with_head_that_can_be_fitted(self) -> Ascent:
        """The climb without a refit where the method does none; a graph that is made for this is among the first."""
        if self._ascent.refit is None:
            return self._ascent
        tried = attempt(self._ascent, self._first_rungs(can_refit=True)[0], Purse(0.0))
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
        lost = self._tried[0].attempt.check
        if lost is not None and lost.name == ERROR and lost.value == 0.0 and not lost.passed:
            return "its outputs are float's for every sample already, and samples are too few to tell more"
        return None

    def finish(self, ended: str) -> Climbed:
        """Choose, and write the chosen graph under the variant's own name."""
        ascent = self._ascent
        is_timed = len(self._tried) > 1 and not untimed_because(
            ascent.rendering, ascent.means.cpu(), ascent.quantize.renderings
        )
        best = chosen(self._tried, is_timed)
        path = ascent.made.model.with_name(f"{variant_name(ascent.rendering)}.onnx")
        graph = judged_form(written(ascent, best.rung, path), ascent.workspace)
        ladder = Ladder(
            ascent.rendering,
            ascent.quantize.search,
            ascent.quantize.budget_s,
            tuple(self._told(one) for one in self._tried),
            best.rung.name,
            best.attempt.passed,
            front(self._tried, is_timed),
            ended,
            "time" if is_timed else "int8 share",
            tuple(name for name in TREATMENTS if name not in ascent.treatments),
        )
        return Climbed(graph, ladder, best.rung)

    def _try(self, rung: Rung) -> Tried:
        """A rung with what came of it; of equal graphs only the first is among those tried.

        A trained one is, too: that training gained nothing is worth knowing.
        """
        tried = attempt(self._ascent, rung, self._purse)
        self._seen.append(tried)
        digest = tried.outcome.model_sha256
        is_new = digest is None or digest not in {one.outcome.model_sha256 for one in self._tried}
        if is_new or rung.tuning_s is not None:
            self._tried.append(tried)
        if len(self._tried) > 1:
            # one alone leaves nothing to choose, and a device times its candidates itself
            self._tried = [one if is_settled(one) else timed(self._ascent, one, self._purse) for one in self._tried]
        return tried

    def _try_within(self, rung: Rung) -> Tried:
        if self._purse.is_empty:
            raise _EndedError(OUT_OF_TIME)
        return self._try(rung)

    def _end_if_enough(self, tried: Tried) -> None:
        if tried.attempt.passed and not self._is_whole:
            raise _EndedError(f"{tried.rung.name!r} passes")

    def _mixed_precision(self) -> str:
        ascent = self._ascent
        if not is_on_integers(ascent.rendering):
            return "there is nothing else to try in 16 bits"
        base = most_accurate(self._tried).rung
        try:
            layers = ranked_layers(ascent, base, self._purse)
        except BackendError as error:
            return f"which layers lose most cannot be found out ({error})"
        if layers is None:
            raise _EndedError(OUT_OF_TIME)
        if len(layers) < 2:
            return "with its only layer in float nothing would be quantized"
        if any(one.attempt.passed for one in self._tried):
            for count in (number for number in FRONT if number < len(layers)):
                self._try_within(self._mixed(base, layers[:count]))
            return "everything was tried"
        return self._narrow(base, layers)

    def _tuning(self, ended: str) -> str:
        """Train the best graph whose layers are all in int8, where no such passed or everything is wanted.

        One with layers in float may have passed: a trained one is faster.
        """
        whole = [one for one in self._tried if not one.rung.settings.keep_float]
        if any(one.attempt.passed for one in whole) and not self._is_whole:
            return ended
        if not is_on_integers(self._ascent.rendering) or not whole:
            return ended
        has_passed = any(one.attempt.passed for one in self._tried)
        tried = self._try_within(tuned(most_accurate(whole).rung, self._purse.left_s))
        self._end_if_enough(tried)
        if has_passed:
            return ended
        if tried.outcome.model_sha256 is None:
            return f"{ended}, and the graph cannot be trained"
        return f"{ended}, and {'only' if tried.attempt.passed else 'not even'} training against float is enough"

    def _narrow(self, base: Rung, layers: tuple[Layer, ...]) -> str:
        """Look for the smallest set of layers that has to stay in float, and say what came of it.

        Where what is not enough has left little in int8, larger sets are left alone: the time is better spent on
        training.
        """
        search = smallest(len(layers))
        members = next(search)
        with suppress(StopIteration):
            while True:
                rung = self._mixed(base, (layers[place] for place in sorted(members)))
                tried = self._try_within(rung)
                if _is_hardly_int8(tried) and not tried.attempt.passed:
                    left = f"{tried.attempt.int8_share:.0%} of its operations"
                    return f"with {left} in int8 it fails, and with fewer it is hardly faster than float"
                members = search.send(tried.attempt.passed)
        passed = any(one.attempt.passed for one in self._tried)
        return "fewer layers in float do not pass" if passed else "even with all layers but one in float it fails"

    def _mixed(self, base: Rung, layers: Iterable[Layer]) -> Rung:
        """A rung with layers in float, under a name of its own."""
        chosen = tuple(layers)
        rung = mixed(base, len(chosen), frozenset(name for layer in chosen for name in layer))
        others = sum(one.rung.name.startswith(rung.name) for one in self._tried)
        return replace(rung, name=f"{rung.name} ({others + 1})") if others else rung

    def _told(self, tried: Tried) -> Attempt:
        found = with_gains(tried, self._seen)
        if is_settled(tried):
            return found
        return msgspec.structs.replace(found, untimed_because="there was nothing to choose; devices time it")


def _is_hardly_int8(tried: Tried) -> bool:
    return tried.outcome.model_sha256 is not None and tried.attempt.int8_share < WORTHWHILE
