"""A table of what was tried says which treatments a graph had, and what each gained."""

from __future__ import annotations

import msgspec
import pytest

from edgetl.check import Check
from edgetl.ladder import Attempt, Ladder, Treatment
from edgetl.report.ladder import in_words, ladder_tables, ladders_from

TREATED = Attempt(
    "channels equalised, head as it was",
    "as it was",
    "percentile",
    True,
    Check("accuracy drop", 0.004, 0.01, "fraction", True, "", 500),
    int8_share=1.0,
    treatments=(
        Treatment("equalise", 0.716),
        Treatment("bias-correction", None, "the same graph was not made without it"),
    ),
    untimed_because="it is for a GPU",
)


@pytest.fixture
def ladder() -> Ladder:
    failed = Attempt("head as it was", "as it was", "percentile", False, reason="too far", untimed_because="no graph")
    attempts = (failed, TREATED)
    return Ladder("tensorrt", "first", 600.0, attempts, TREATED.name, True, (), "it passes", "int8 share")


def test_treatments_stand_with_what_they_gained(ladder: Ladder) -> None:
    (table,) = ladder_tables((ladder,))

    place = [column.title for column in table.columns].index("Treatments, and what each gained")
    assert table.rows[1][place] == "equalise (+71.6 points), bias-correction"


def test_notes_give_the_ladder_back(ladder: Ladder) -> None:
    assert ladders_from({"quantization": msgspec.to_builtins((ladder,))}) == (ladder,)


def test_notes_of_a_version_without_treatments_can_be_read(ladder: Ladder) -> None:
    notes = msgspec.to_builtins((ladder,))
    del notes[0]["attempts"][1]["treatments"]

    (found,) = ladders_from({"quantization": notes})

    assert found.attempts[1].treatments == ()
    assert in_words(found) == in_words(ladder)
