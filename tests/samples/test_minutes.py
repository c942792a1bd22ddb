from __future__ import annotations

from edgetl.samples.minutes import first_and_last_minute

SECOND = 1_000_000_000


def test_the_first_minute_is_held_against_the_last() -> None:
    starts = [second * SECOND for second in range(300)]
    samples = [value for second in range(300) for value in (100 + second, 100 + second, 900)]
    found = first_and_last_minute(samples, [3] * 300, starts)
    assert found is not None
    # blocks 0 to 59 and 240 to 299
    assert (found.first_ns, found.last_ns) == (144.5, 384.5)
    assert found.ratio == 384.5 / 144.5


def test_minutes_of_a_short_run_are_not_told_apart() -> None:
    assert first_and_last_minute([1, 2], [1, 1], [0, 119 * SECOND]) is None
    assert first_and_last_minute([1, 2], [1, 1], [0, 120 * SECOND]) is not None


def test_without_starts_or_samples_nothing_is_known() -> None:
    assert first_and_last_minute([1, 2], [1, 1], []) is None
    assert first_and_last_minute([2], [0, 1], [0, 200 * SECOND]) is None
