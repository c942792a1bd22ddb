"""Whether EdgeTL's choice is accurate enough, and no slower than the best accurate output of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peers.contenders import CONTENDERS
from peers.evaluation import FLOAT

from edgetl.gates import Gates

LATENCY_MAX = 1.0
_OURS = tuple(one.name for one in CONTENDERS if not one.is_peer)


def verdict(rows: Sequence[Mapping[str, Any]], gates: Gates) -> dict[str, Any]:
    """The headline of a case, with ``passed`` and ``limit``.

    EdgeTL's drop on the test split has to be within the recipe's gate: its point estimate and its 95 % bound. Others
    count as accurate by the point estimate alone, and up to the bound's limit, which is generous to them.
    """
    allowed = gates.accuracy_drop_max + gates.margin
    ran = [one for one in rows if "accuracy" in one]
    reference = next(one for one in ran if one["tool"] == FLOAT)
    ours = next((one for one in ran if one["tool"].startswith(f"{_OURS[0]}: ")), None)
    peers = [one for one in ran if one["tool"] != FLOAT and not one["tool"].startswith(_OURS)]
    accurate = [one for one in peers if one["drop"] <= allowed]
    fastest = min((one for one in accurate if "p50_ms" in one), key=lambda one: one["p50_ms"], default=None)
    found: dict[str, Any] = {
        "float_accuracy": reference["accuracy"],
        "edgetl_accuracy": ours["accuracy"] if ours else None,
        "edgetl_chose": _words(ours) if ours else None,
        "accurate_peer_outputs": f"{len(accurate)} of {len(peers)}",
        "drop_max": gates.accuracy_drop_max,
    }
    limit = f"drop within {100 * gates.accuracy_drop_max:g} points, its 95 % bound within {100 * allowed:g}"
    passed = ours is not None and ours["within_gate"]
    if fastest is not None and ours is not None:
        # the same graph run in the same way is as fast, whatever noise says
        ratio = 1.0 if _identity(fastest) == _identity(ours) else fastest["edgetl_to_this"]["value"]
        found |= {"fastest_accurate_peer": _words(fastest), "edgetl_to_it": ratio}
        limit += f", median latency <= {LATENCY_MAX} x the fastest accurate output of another tool"
        passed = passed and found["edgetl_to_it"] <= LATENCY_MAX
    return {**found, "passed": passed, "limit": limit}


def _identity(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["file_sha256"], one["runtime"], one["precision"]


def _words(one: Mapping[str, Any]) -> str:
    return f"{one['tool']} in {one['runtime']} ({one['precision']})"
