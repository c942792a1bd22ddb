"""What was tried to quantize a model, and in plain words why int8 was chosen or rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from edgetl.interval import Interval
from edgetl.ladder import Attempt, Ladder, Trained, Treatment
from edgetl.report import numbers
from edgetl.report.page import Column, Table, known_columns
from edgetl.runner import own_precision

NOTES = "quantization"
"""Under which name a bundle's notes have it."""
_TITLE = "Quantization: what was tried"
_TREATMENTS = "Treatments, and what each gained"
_IN_INT8 = "In int8"
_TRAINING = "Training against float"
_CHANGED = "Decides otherwise"
_INTERVAL = (
    "How often a graph decides otherwise than float is told with its 95 % interval, of samples of the same data."
)


def ladders_from(notes: Mapping[str, Any]) -> tuple[Ladder, ...]:
    """What the notes of a bundle say was tried; nothing where they say nothing, or what another version wrote."""
    try:
        return msgspec.convert(notes.get(NOTES, ()), tuple[Ladder, ...])
    except msgspec.ValidationError:
        return ()


def ladder_tables(ladders: Sequence[Ladder]) -> tuple[Table, ...]:
    """A table for each rendering, with a row for every graph that was made."""
    return tuple(_table(ladder) for ladder in ladders)


def in_words(ladder: Ladder) -> tuple[str, ...]:
    """Why the chosen graph was chosen, or why none was, why the search ended, and what the choice is worth."""
    chosen = next(one for one in ladder.attempts if one.name == ladder.chosen)
    tried = len(ladder.attempts)
    how_many = "the only graph that was made" if tried == 1 else f"one of {tried} graphs that were made"
    if ladder.passed:
        sentence = f"{ladder.chosen!r} was chosen, {how_many}: {_merit(chosen, ladder)}."
    else:
        best = "" if tried == 1 else f", of which {ladder.chosen!r} loses least"
        graphs = "the one graph that was made does not" if tried == 1 else f"none of {tried} graphs that were made does"
        precision = own_precision(ladder.rendering)
        sentence = f"{precision} was rejected for {ladder.rendering!r}: {graphs} pass{best}. {chosen.reason}."
    return (sentence, f"The search ended because {ladder.ended}.", *_selection(ladder))


def _selection(ladder: Ladder) -> tuple[str, ...]:
    """What choosing among several graphs means for the bound of the one that was chosen."""
    checks = [one.check for one in ladder.attempts if one.check is not None]
    if not ladder.passed or len(checks) < 2:
        return ()
    on = "on the same samples" if len({check.n for check in checks}) == 1 else "not all on as many samples"
    return (
        f"{len(checks)} graphs were judged, {on}: the bound of each is its own, and is not corrected for the choice "
        "among them.",
    )


def _merit(chosen: Attempt, ladder: Ladder) -> str:
    passing = sum(one.passed for one in ladder.attempts)
    if passing == 1 and len(ladder.attempts) > 1:
        merit = "no other one passes"
    elif passing > 1 and ladder.speed == "time":
        merit = "the fastest that passes, of equally fast ones the most accurate"
    elif passing > 1 and _is_on_integers(ladder):
        merit = "the one that passes with most of it in int8, of equally fast ones the most accurate"
    elif passing > 1:
        merit = "the most accurate that passes"
    else:
        merit = "it passes"
    if chosen.time_ratio is not None:
        merit += f"; it takes {numbers.fine_ratio(chosen.time_ratio)} the time of float here"
    if chosen.in_float:
        merit += f"; in float stay {', '.join(chosen.in_float)}"
    return merit


def _is_on_integers(ladder: Ladder) -> bool:
    return own_precision(ladder.rendering) == "int8"


def _table(ladder: Ladder) -> Table:
    columns = (
        Column("Graph"),
        Column("Head"),
        Column("Ranges"),
        Column(_TREATMENTS),
        Column(_TRAINING),
        *(Column(title, "right") for title in (_IN_INT8, "Loses", _CHANGED, "Time / float")),
        Column("Not beaten"),
        Column("Verdict"),
    )
    rows = tuple(_row(one, ladder) for one in ladder.attempts)
    untimed = dict.fromkeys(one.untimed_because for one in ladder.attempts if one.untimed_because)
    remarks = (
        *in_words(ladder),
        "What a graph loses is judged by the gates on selection data; a graph is not beaten if no other one, float "
        "included, is at least as accurate and as fast.",
        *([_INTERVAL] if any(one.flips is not None for one in ladder.attempts) else []),
        *(f"Not timed: {reason}." for reason in untimed),
    )
    return known_columns(
        Table(f"{_TITLE} ({ladder.rendering})", columns, rows, remarks),
        (_TREATMENTS, _TRAINING, _IN_INT8, "Loses", _CHANGED, "Time / float"),
    )


def _row(one: Attempt, ladder: Ladder) -> tuple[str, ...]:
    lost = None if one.check is None else one.check.value
    return (
        one.name,
        one.head,
        one.estimator,
        ", ".join(map(_treatment, one.treatments)) or numbers.UNKNOWN,
        _trained(one.trained),
        numbers.percent(one.int8_share) if _is_on_integers(ladder) else numbers.UNKNOWN,
        numbers.UNKNOWN if lost is None else numbers.points(lost),
        _changed(one.flips),
        numbers.fine_ratio(one.time_ratio),
        "yes" if one.name in ladder.front else "",
        _verdict(one, ladder),
    )


def _treatment(one: Treatment) -> str:
    return one.name if one.gained is None else f"{one.name} ({numbers.points(one.gained)})"


def _changed(flips: Interval | None) -> str:
    if flips is None:
        return numbers.UNKNOWN
    return f"{numbers.percent(flips.value)} of {flips.n} ({numbers.percent_interval(flips.ci95)})"


def _trained(one: Trained | None) -> str:
    if one is None:
        return numbers.UNKNOWN
    losses = f"loss {numbers.significant(one.loss_before)} to {numbers.significant(one.loss_after)}"
    gained = "" if one.gained is None else f" ({numbers.points(one.gained)})"
    return f"{numbers.counted(one.steps, 'step')} on {numbers.counted(one.images, 'sample')}, {losses}{gained}"


def _verdict(one: Attempt, ladder: Ladder) -> str:
    """In a word or two; what the missed gate says of the chosen graph stands below the table."""
    if one.passed:
        return "chosen" if one.name == ladder.chosen else "passes"
    return one.reason if one.check is None or one.check.passed else f"misses {one.check.name}"
