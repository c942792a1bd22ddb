"""Whether EdgeTL's choice is accurate enough, and no slower than the best accurate output of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from peers.contenders import CONTENDERS, EDGETL, Contender
from peers.evaluation import FLOAT

from edgetl.gates import Gates

LATENCY_MAX = 1.0
_OURS = tuple(one.name for one in CONTENDERS if not one.is_peer)


def verdict(rows: Sequence[Mapping[str, Any]], gates: Gates, choosing: Contender = EDGETL) -> dict[str, Any]:
    """The headline of a case, with ``passed`` and ``limit``.

    EdgeTL's drop on the test split has to be within the recipe's gate: its point estimate and its 95 % bound. Others
    count as accurate by the point estimate alone, and up to the bound's limit, which is generous to them.
    """
    allowed = gates.accuracy_drop_max + gates.margin
    ran = [one for one in rows if "accuracy" in one]
    reference = next(one for one in ran if one["tool"] == FLOAT)
    ours = next((one for one in ran if is_choice(one, choosing)), None)
    peers = [one for one in ran if one["tool"] != FLOAT and not one["tool"].startswith(_OURS)]
    accurate = [one for one in peers if one["drop"] <= allowed]
    fastest = min((one for one in accurate if "p50_ms" in one), key=lambda one: one["p50_ms"], default=None)
    found: dict[str, Any] = {
        "float_accuracy": reference["accuracy"],
        "accurate_peer_outputs": f"{len(accurate)} of {len(peers)}",
        "drop_max": gates.accuracy_drop_max,
        **_choice(ours),
    }
    limit = f"drop within {100 * gates.accuracy_drop_max:g} points, its 95 % bound within {100 * allowed:g}"
    passed = ours is not None and ours["within_gate"]
    if fastest is not None and ours is not None:
        # the same graph run in the same way is as fast, whatever noise says
        is_same = _identity(fastest) == _identity(ours)
        ratio = {"value": 1.0, "low": 1.0, "high": 1.0} if is_same else fastest["edgetl_to_this"]
        found |= {"fastest_accurate_peer": _words(fastest), "edgetl_to_it": ratio["value"]}
        found["edgetl_to_it_ci95"] = [ratio["low"], ratio["high"]]
        limit += f", median latency <= {LATENCY_MAX} x the fastest accurate output of another tool"
        passed = passed and found["edgetl_to_it"] <= LATENCY_MAX
    return {**found, "passed": passed, "limit": limit}


def is_choice(one: Mapping[str, Any], choosing: Contender = EDGETL) -> bool:
    """Whether a row is what EdgeTL chose of the bundle that is judged; its other ways are shown beside."""
    return str(one["tool"]).startswith(f"{choosing.name}: ")


def fresh_split(seed: int, rows: Sequence[Mapping[str, Any]], choosing: Contender = EDGETL) -> dict[str, Any]:
    """What is told of EdgeTL's choice on another division of the data."""
    ours = next((one for one in rows if is_choice(one, choosing)), None)
    failed = next((one["failed"] for one in rows if "failed" in one), None)
    if ours is None:
        return {"split_seed": seed, "failed": failed}
    kept = ("accuracy", "n", "drop", "drop_ci95", "within_gate", "gate")
    return {"split_seed": seed, "chose": _words(ours), **{key: ours[key] for key in kept}}


def fresh_splits(splits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All of these, and on how many the drop was within the gate."""
    within = sum(one.get("within_gate", False) for one in splits)
    return {"other_divisions_within_gate": f"{within} of {len(splits)}", "splits": list(splits)}


def _choice(ours: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is told of it; nothing is known where it did not run."""
    if ours is None:
        return {"edgetl_chose": None, "edgetl_accuracy": None}
    return {
        "edgetl_chose": _words(ours),
        "edgetl_accuracy": ours["accuracy"],
        "edgetl_drop": ours["drop"],
        "edgetl_drop_ci95": ours["drop_ci95"],
        "edgetl_within_gate": ours["within_gate"],
    }


def _identity(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["file_sha256"], one["runtime"], one["precision"]


def _words(one: Mapping[str, Any]) -> str:
    return f"{one['tool']} in {one['runtime']} ({one['precision']})"
