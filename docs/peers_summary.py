"""What the comparison with other quantizers shows over all of its cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table

LATENCY_MAX, MUCH_LESS, BUILD_MAX = 1.0, 0.9, 1 / 3
"""Limits on ratios to the others: of latency everywhere and on two cases at least, and of the time to build."""
TITLES = (
    "case",
    "EdgeTL chose",
    "fastest accurate peer",
    "latency by that one's",
    "drop, points",
    "within the gate",
    "time to int8",
    "by accuracy control's",
)


def summary(cases: Sequence[Mapping[str, Any]]) -> str:
    """One line for each case, and on how many every promise is kept."""
    table = Table("cases", tuple(Column(title) for title in TITLES), tuple(line(one) for one in cases))
    promises = "".join(f"- {promise}\n" for promise in (*_latency(cases), *_accuracy(cases), *_build(cases)))
    return f"### In short\n\n{table_rows(table)}\n\n{promises}"


def line(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One case; what is not known is said so."""
    peer, drop = one.get("fastest_accurate_peer"), one.get("edgetl_drop_ci95")
    gate = {True: "yes", False: "**no**", None: "no choice"}[one.get("edgetl_within_gate")]
    return (
        one["title"],
        one.get("edgetl_chose") or "nothing",
        peer or "none was timed",
        _ratio(one["edgetl_to_it"], one["edgetl_to_it_ci95"]) if peer else "",
        _points(one["edgetl_drop"], drop) if drop else "",
        gate + _other_divisions(one),
        f"{one['int8_built_in_s']:.0f} s" if "build_time_ratio" in one else "not compared",
        _built(one),
    )


def _latency(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Cases without any timing count as missed."""
    within, much = (sum(one.get("edgetl_to_it", 2.0) <= limit for one in cases) for limit in (LATENCY_MAX, MUCH_LESS))
    return [
        f"Latency of EdgeTL's choice is at most {LATENCY_MAX} times that of the fastest accurate output of another "
        f"tool on {within} of {len(cases)} cases, and at most {MUCH_LESS} times on {much} (wanted: all, and two)."
    ]


def _accuracy(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """A choice is below the float model where all of the interval of its drop is above zero."""
    within = sum(bool(one.get("edgetl_within_gate")) for one in cases)
    not_below = sum("edgetl_drop_ci95" in one and one["edgetl_drop_ci95"][0] <= 0 for one in cases)
    return [
        f"Its drop on test samples is within the recipe's gate on {within} of {len(cases)} cases.",
        "It is below the float model by no more than the 95 % interval of the difference, paired by sample, on "
        f"{not_below} of {len(cases)}.",
    ]


def _build(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    raced = [one for one in cases if "build_time_ratio" in one]
    short = sum(one["build_time_ratio"] <= BUILD_MAX for one in raced)
    return [
        "An int8 graph that passes the gate takes at most a third of the time of NNCF's accuracy control on "
        f"{short} of the {len(raced)} cases where both were built in the same run."
    ]


def _built(one: Mapping[str, Any]) -> str:
    if "build_time_ratio" not in one:
        return ""
    words = f"{one['build_time_ratio']:.2f}" if one["accuracy_control_done"] else f"< {one['build_time_ratio']:.2f}"
    ended = "" if one["accuracy_control_done"] else "not done after "
    return f"{words} ({ended}{one['accuracy_control_s']:.0f} s)"


def _other_divisions(one: Mapping[str, Any]) -> str:
    """How often it was on other divisions of the data, where that was looked at."""
    found = one.get("other_divisions_within_gate")
    return "" if found is None else f"; on {found} other divisions"


def _ratio(value: float, interval: Sequence[float]) -> str:
    return f"{value:.2f} ({interval[0]:.2f} to {interval[1]:.2f})"


def _points(value: float, interval: Sequence[float]) -> str:
    return f"{100 * value:.1f} ({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
