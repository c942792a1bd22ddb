"""Promises of the search for the smallest set."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.host.ladder.smallest import REMOVALS, smallest


def asked(count: int, is_enough: Callable[[frozenset[int]], bool]) -> list[frozenset[int]]:
    search, questions = smallest(count), []
    try:
        members = next(search)
        while True:
            questions.append(members)
            members = search.send(is_enough(members))
    except StopIteration:
        return questions


@given(count=st.integers(2, 80), data=st.data())
@settings(max_examples=60, deadline=None)
def test_it_finds_the_smallest_prefix_without_asking_twice(count: int, data: st.DataObject) -> None:
    needed = data.draw(st.integers(1, count - 1))
    questions = asked(count, lambda members: members >= set(range(needed)))
    enough = [members for members in questions if members >= set(range(needed))]
    assert min(map(len, enough)) == needed
    assert len(set(questions)) == len(questions)
    assert len(questions) <= 2 * needed.bit_length() + 2 + REMOVALS


def test_members_that_are_not_needed_are_taken_out_again() -> None:
    questions = asked(20, lambda members: {0, 5} <= members)
    assert min((one for one in questions if {0, 5} <= one), key=len) == {0, 5}


@pytest.mark.parametrize("count", [2, 3, 9])
def test_it_ends_where_nothing_is_enough_and_never_asks_for_all(count: int) -> None:
    questions = asked(count, lambda _: False)
    assert len(questions[-1]) == count - 1
