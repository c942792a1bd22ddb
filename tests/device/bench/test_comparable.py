"""Whether two results measured the same thing in the same place."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from edgetl.device.bench.comparable import machine_differences, software_differences, strictness_difference
from edgetl.machine_state import Clock, MachineState, Pressure
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


def clocked(result: Result, affinity: tuple[int, ...], *spans_mhz: tuple[int, int] | None) -> Result:
    """On CPUs with these lowest and highest clocks; ``None`` cannot be read."""
    clocks = [
        Clock(f"cpu{cpu}", None, *(None if span is None else mhz * 1_000_000 for mhz in span or (0, 0)))
        for cpu, span in enumerate(spans_mhz)
    ]
    return replace(result, state=replace(stood(None, None), affinity=affinity, clocks=tuple(clocks)))


FREE, PINNED, CAPPED = (345, 2000), (2000, 2000), (345, 600)


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        pytest.param((PINNED, PINNED, FREE), "2,000 to 2,000 MHz (CPU 0-1)", id="pinned"),
        pytest.param((CAPPED, CAPPED, FREE), "345 to 600 MHz (CPU 0-1)", id="capped"),
        pytest.param((FREE, PINNED, FREE), "345 to 2,000 MHz (CPU 0), 2,000 to 2,000 MHz (CPU 1)", id="one of them"),
    ],
)
def test_clocks_that_are_pinned_or_capped_are_another_machine(
    result: Result, spans: tuple[tuple[int, int], ...], words: str
) -> None:
    free = clocked(result, (0, 1), FREE, FREE, FREE)
    assert machine_differences(clocked(result, (0, 1), *spans), free) == (
        f"clocks {words} against 345 to 2,000 MHz (CPU 0-1)",
    )


def test_clocks_of_cpus_that_nobody_may_use_are_no_difference(result: Result) -> None:
    assert machine_differences(clocked(result, (0,), FREE, CAPPED), clocked(result, (0,), FREE, PINNED)) == ()


def test_clocks_that_one_cannot_tell_are_no_difference(result: Result) -> None:
    known, unknown = clocked(result, (0,), FREE), clocked(result, (0,), None)
    assert machine_differences(known, unknown) == machine_differences(unknown, known) == ()
    assert machine_differences(known, result) == ()


def test_other_cpus_of_the_same_number_are_another_machine(result: Result) -> None:
    big, little = clocked(result, (4, 5)), clocked(result, (0, 1))
    assert machine_differences(little, big) == ("affinity 0-1 against 4-5",)
    assert machine_differences(little, clocked(result, ())) == ()
