from __future__ import annotations

from edgetl.validity import Finding, invalid_because, judged

TURBO, LOAD, HOT = (Finding(f"W-{name}", name.lower()) for name in ("TURBO", "LOAD", "THROTTLED"))


def test_what_makes_a_measurement_invalid_is_named_and_nothing_else() -> None:
    assert invalid_because(judged([TURBO, LOAD, HOT])) == "W-THROTTLED: throttled"
    assert invalid_because(judged([TURBO, LOAD])) is None
    assert invalid_because(judged([])) is None


def test_codes_that_are_named_are_blamed_whatever_they_are() -> None:
    strict = frozenset({"W-TURBO"})
    assert invalid_because(judged([TURBO, LOAD], strict), strict) == "W-TURBO: turbo"
    assert invalid_because(judged([LOAD], strict), strict) is None
