"""How long EdgeTL takes to an int8 graph that passes the gate, beside NNCF's accuracy control in the same run.

The claim is that EdgeTL takes at most a third of the time. Accuracy control is stopped once it took more than four
times as long: that shows it, and saves the machine's time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peers.adapted import FLOAT
from peers.build import TIME_LIMIT_S, Finished, Terms
from peers.contenders import ACCURACY_CONTROL, EDGETL, LABELLED, Contender

PATIENCE = 4.0
"""After how many times EdgeTL's time accuracy control is stopped."""


def terms_of(contender: Contender, before: Sequence[Finished], is_timed: bool) -> Terms:
    """On which a contender builds: those that are compared build anew in a timed run.

    Args:
        before: what was built in this run so far.
        is_timed: whether times are wanted of this run.
    """
    if contender in (EDGETL, LABELLED):
        return Terms(anew=is_timed)
    if contender not in ACCURACY_CONTROL:
        return Terms()
    ours = _ours(before) or max(_with_labels(before), key=lambda one: one.output.seconds, default=None)
    return Terms(TIME_LIMIT_S if ours is None else PATIENCE * ours.output.seconds, anew=is_timed)


def needless_because(contender: Contender, before: Sequence[Finished]) -> str | None:
    """Why a contender need not build; ``None`` of all but further settings of what was stopped already."""
    stopped = [one for one in before if one.contender in ACCURACY_CONTROL and one.output.stopped_after_s is not None]
    if contender not in ACCURACY_CONTROL or not stopped:
        return None
    return f"not built, because {stopped[0].contender.name!r} was {stopped[0].output.failed}"


def race(built: Sequence[Finished], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is recorded of the comparison; empty where one of the two was not built in this run.

    EdgeTL's time is that of the faster of its ways with labels, from the ONNX file or from the recipe, that have
    an int8 graph. Accuracy control's is that of the fastest of its settings that ended within the gate, else of the
    fastest that ended.
    """
    ours, theirs = _ours(built), _theirs(built, {one["tool"] for one in rows if one.get("within_gate")})
    if ours is None or theirs is None or ours.reused or theirs.reused:
        return {}
    is_stopped = theirs.output.stopped_after_s is not None
    return {
        "int8_built_by": ours.contender.name,
        "int8_built_in_s": ours.output.seconds,
        "accuracy_control": theirs.contender.name,
        "accuracy_control_s": theirs.output.seconds,
        "accuracy_control_done": not is_stopped,
        "build_time_ratio": ours.output.seconds / theirs.output.seconds,
    }


def _with_labels(built: Sequence[Finished]) -> list[Finished]:
    """EdgeTL's own outputs of labelled samples."""
    return [one for one in built if one.contender in (EDGETL, LABELLED) and one.output.failed is None]


def _ours(built: Sequence[Finished]) -> Finished | None:
    """The fastest of them that has an int8 graph, which it has only if that passed the gate."""
    found = [one for one in _with_labels(built) if set(one.output.settings["variants"]) - {FLOAT}]
    return min(found, key=lambda one: one.output.seconds, default=None)


def _theirs(built: Sequence[Finished], within_gate: set[str]) -> Finished | None:
    tried = [one for one in built if one.contender in ACCURACY_CONTROL]
    ended = [one for one in tried if one.output.failed is None]
    found = [one for one in ended if one.contender.name in within_gate] or ended
    found = found or [one for one in tried if one.output.stopped_after_s is not None]
    return min(found, key=lambda one: one.output.seconds, default=None)
