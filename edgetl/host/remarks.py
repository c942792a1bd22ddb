"""What a user should know of a preparation in which nothing failed."""

from __future__ import annotations

from edgetl.gates import Gates
from edgetl.plugins import TARGETS
from edgetl.spelling import did_you_mean


def unknown_targets(gates: Gates) -> tuple[str, ...]:
    """One sentence for each table of gates that no target known here will be judged by."""
    return tuple(
        f"[gates.target.{name}]: no target of that name is known here (known: {', '.join(sorted(TARGETS))}), so it will "
        f"be judged only by an EdgeTL that has one{did_you_mean(name, TARGETS)}"
        for name in sorted(set(gates.target) - set(TARGETS))
    )
