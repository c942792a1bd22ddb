"""Search for the smallest set that is enough, asking as seldom as may be."""

from __future__ import annotations

from collections.abc import Generator

REMOVALS = 8
"""How many members are tried to be done without in the end."""


def smallest(count: int) -> Generator[frozenset[int], bool, None]:
    """Sets of members ``0 .. count - 1``, the most useful one being 0, each to be answered with whether it is enough.

    First the most useful 1, 2, 4, ... members until they are enough, then bisection between the last two, then up to
    :data:`REMOVALS` attempts to do without one, the least useful first. All but one member is the most that is asked
    for. About ``2 log2(k) + 8`` questions for a set of ``k``; no smaller set of that order is enough if more members
    never do harm.
    """
    high, low = 1, 0
    while not (yield frozenset(range(high))):
        if high >= count - 1:
            return
        low, high = high, min(2 * high, count - 1)
    while high - low > 1:
        middle = (low + high) // 2
        if (yield frozenset(range(middle))):
            high = middle
        else:
            low = middle
    found = frozenset(range(high))
    # without its last member it is a set that was not enough
    for member in sorted(range(high - 1), reverse=True)[:REMOVALS]:
        if (yield found - {member}):
            found -= {member}
