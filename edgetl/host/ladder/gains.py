"""What each treatment of an attempt gained, and its training, against the same attempt without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from edgetl.host.ladder.attempts import Tried
from edgetl.host.ladder.rungs import Rung, untreated
from edgetl.ladder import Attempt, Trained, Treatment


def with_gains(tried: Tried, seen: Sequence[Tried]) -> Attempt:
    """An attempt that says what each of its treatments gained, and its training.

    Treatments of a trained graph gained what they did before training: nothing is trained twice to tell them apart.

    Args:
        seen: all attempts of a climb, those too whose graphs turned out equal to another's.
    """
    by_rung = {_nameless(one.rung): one for one in seen}
    untrained = _untrained(tried, by_rung)
    found = tuple(_treatment(one.name, tried.rung, untrained, by_rung) for one in tried.attempt.treatments)
    trained = tried.attempt.trained
    if trained is not None:
        trained = _trained(trained, tried, untrained)
    return msgspec.structs.replace(tried.attempt, treatments=found, trained=trained)


def _untrained(tried: Tried, by_rung: Mapping[Rung, Tried]) -> Tried | None:
    """The same without training; itself where it has none."""
    rung = tried.rung
    return tried if rung.tuning_s is None else by_rung.get(_nameless(replace(rung, tuning_s=None)))


def _treatment(name: str, rung: Rung, treated: Tried | None, by_rung: Mapping[Rung, Tried]) -> Treatment:
    without = by_rung.get(_nameless(replace(untreated(rung, name), tuning_s=None)))
    return Treatment(name, *_gained(treated, without))


def _trained(trained: Trained, tried: Tried, untrained: Tried | None) -> Trained:
    gained, because = _gained(tried, untrained)
    return msgspec.structs.replace(trained, gained=gained, unknown_because=because)


def _gained(one: Tried | None, without: Tried | None) -> tuple[float | None, str]:
    """By how much less one loses than the other, or why that is not known."""
    if one is None or without is None:
        return None, "the same graph was not made without it"
    checks = one.attempt.check, without.attempt.check
    if one.loss is None or without.loss is None or None in checks:
        return None, "one of the two graphs could not be judged"
    if len({check.n for check in checks if check is not None}) > 1:
        return None, "the two graphs were judged on different samples"
    return without.loss - one.loss, ""


def _nameless(rung: Rung) -> Rung:
    return replace(rung, name="")
