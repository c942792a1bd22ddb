"""Whether two results measured the same thing in the same place."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgetl.device.bench.comparable import machine_differences, software_differences, strictness_difference
from edgetl.machine_state import MachineState, Pressure
from edgetl.result import Result


@pytest.mark.parametrize(
    ("ours", "theirs", "words"),
    [
        (("W-LOAD", "W-TURBO"), (), "strictness differs: --strict W-LOAD --strict W-TURBO against no --strict; "),
        ((), ("W-LOAD",), "strictness differs: no --strict against --strict W-LOAD; "),
        (("W-LOAD", "W-TURBO"), ("W-TURBO", "W-LOAD"), None),
        (None, ("W-LOAD",), None),
    ],
    ids=["first", "second", "same", "an older file does not say"],
)
def test_strictness_differs_only_where_both_say_so(
    result: Result, ours: tuple[str, ...] | None, theirs: tuple[str, ...] | None, words: str | None
) -> None:
    told = strictness_difference(replace(result, strict=ours), replace(result, strict=theirs))
    assert (told or "")[: len(words or "")] == (words or "")
    assert (told is None) == (words is None)


def on(result: Result, mode: str | None, release: str | None, state: MachineState | None = None) -> Result:
    """On a Jetson in this power mode, with this L4T."""
    environment = replace(result.environment, power_mode=mode, platform_release=release)
    return replace(result, environment=environment, state=state)


def stood(mode: str | None, release: str | None) -> MachineState:
    """What was found before measuring."""
    nothing = Pressure(None, None, None)
    return MachineState((), None, mode, release, None, None, nothing, None, None, None, (0, 1), None)


def test_power_mode_differs_also_where_no_state_was_recorded(result: Result) -> None:
    slow, fast = on(result, "15W (0)", "R36.4.3"), on(result, "MAXN (2)", "R36.4.3")
    assert machine_differences(slow, fast) == ("power mode 15W (0) against MAXN (2)",)
    assert machine_differences(slow, slow) == ()
    asked = on(result, None, None, stood("MAXN (2)", None))
    assert machine_differences(slow, asked) == ("power mode 15W (0) against MAXN (2)",)


def test_a_power_mode_that_one_could_not_tell_is_no_difference(result: Result) -> None:
    known = on(result, "15W (0)", "R36.4.3", stood("15W (0)", "R36.4.3"))
    unknown = on(result, None, "R36.4.3", stood(None, "R36.4.3"))
    assert machine_differences(known, unknown) == machine_differences(unknown, known) == ()


def test_l4t_is_software_that_differs(result: Result) -> None:
    old, new = on(result, None, "R35.4.1"), on(result, None, "R36.4.3")
    assert software_differences(old, new) == ("L4T R35.4.1 against R36.4.3",)
    assert software_differences(old, on(result, None, None, stood(None, "R36.4.3"))) == ("L4T R35.4.1 against R36.4.3",)
    assert software_differences(old, on(result, None, None)) == ()
