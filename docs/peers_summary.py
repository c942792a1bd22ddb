"""What the comparison with other quantizers shows over all of its cases."""

from __future__ import annotations

import math
import statistics
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
    "chosen apart",
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
        "" if (ratio := chosen_apart(one)) is None else f"{ratio:.2f}",
        _points(one["edgetl_drop"], drop) if drop else "",
        gate + _other_divisions(one),
        f"{one['int8_built_in_s']:.0f} s" if "build_time_ratio" in one else "not compared",
        _built(one),
    )


def chosen_apart(one: Mapping[str, Any]) -> float | None:
    """Latency by the fastest accurate peer's, that one chosen on every other block and compared on the rest.

    Chosen and compared on the same blocks, the fastest of several equal ones is the luckiest, and the ratio is too
    large. Both halves choose in turn; this is their geometric mean. ``None`` where nothing was timed.
    """
    blocks, ours, peers = one.get("raw_block_medians_ms", {}), one.get("edgetl_chose"), _accurate(one)
    ours = next((name for name in blocks if ours and name == _key(ours)), None)
    if ours is None or not peers:
        return None
    ratios = []
    for chosen_on, compared_on in ((0, 1), (1, 0)):
        fastest = min(peers, key=lambda name: statistics.median(blocks[name][chosen_on::2]))
        pairs = zip(blocks[ours][compared_on::2], blocks[fastest][compared_on::2], strict=True)
        ratios.append(statistics.median(first / second for first, second in pairs))
    return math.sqrt(math.prod(ratios))


def _accurate(one: Mapping[str, Any]) -> list[str]:
    """Timed outputs of other tools that count as accurate: so many as the record says, of the smallest drops."""
    blocks = one.get("raw_block_medians_ms", {})
    count = int(one.get("accurate_peer_outputs", "0").split()[0])
    others = [row for row in one["rows"] if "drop" in row and not row["tool"].startswith(("float model", "EdgeTL"))]
    found = (
        f"{row['tool']} / {row['runtime']} / {row['precision']}"
        for row in sorted(others, key=lambda row: row["drop"])[:count]
    )
    return [name for name in found if name in blocks]


def _key(words: str) -> str:
    """The name of a series of blocks, of ``TOOL in RUNTIME (PRECISION)``."""
    tool, _, rest = words.rpartition(" in ")
    runtime, _, precision = rest.partition(" ")
    return f"{tool} / {runtime} / {precision.strip('()')}"


def _latency(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """Cases without any timing count as missed."""
    within, much = (sum(one.get("edgetl_to_it", 2.0) <= limit for one in cases) for limit in (LATENCY_MAX, MUCH_LESS))
    apart = [ratio for one in cases if (ratio := chosen_apart(one)) is not None]
    return [
        f"Latency of EdgeTL's choice is at most {LATENCY_MAX} times that of the fastest accurate output of another "
        f"tool on {within} of {len(cases)} cases, and at most {MUCH_LESS} times on {much} (wanted: all, and two).",
        f"With that one chosen apart, it is so on {sum(ratio <= LATENCY_MAX for ratio in apart)}, and on "
        f"{sum(ratio <= MUCH_LESS for ratio in apart)}.",
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
