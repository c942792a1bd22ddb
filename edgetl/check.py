"""One judged number: what was measured, what the limit was, whether it passed."""

from __future__ import annotations

import msgspec


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value against its limit; ``reason`` says in words why it failed or how it was judged."""

    name: str
    value: float | None
    limit: float | None
    unit: str
    passed: bool
    reason: str = ""
    n: int | None = None

    @property
    def is_judged(self) -> bool:
        """Whether there was a value to judge, or the lack of one failed; ``reason`` says why not."""
        return self.value is not None or not self.passed


def failures(checks: tuple[Check, ...]) -> str:
    """The reasons of all failed checks, joined; empty when all passed."""
    return "; ".join(f"{check.name}: {check.reason}" for check in checks if not check.passed)
