"""What each treatment of an attempt gained, against the same attempt without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from edgetl.host.ladder.attempts import Tried
from edgetl.host.ladder.rungs import Rung, untreated
from edgetl.ladder import Attempt, Treatment


def with_gains(tried: Tried, seen: Sequence[Tried]) -> Attempt:
    """An attempt that says what each of its treatments gained.

    Args:
        seen: all attempts of a climb, those too whose graphs turned out equal to another's.
    """
    by_rung = {_nameless(one.rung): one for one in seen}
    found = tuple(
        _gain(one.name, tried, by_rung.get(_nameless(untreated(tried.rung, one.name))))
        for one in tried.attempt.treatments
    )
    return msgspec.structs.replace(tried.attempt, treatments=found)


def _gain(name: str, tried: Tried, without: Tried | None) -> Treatment:
    if without is None:
        return Treatment(name, None, "the same graph was not made without it")
    if tried.loss is None or without.loss is None:
        return Treatment(name, None, "one of the two graphs could not be judged")
    return Treatment(name, without.loss - tried.loss)


def _nameless(rung: Rung) -> Rung:
    return replace(rung, name="")
