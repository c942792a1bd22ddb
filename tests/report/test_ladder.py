"""What was tried, in words and as a table."""

from __future__ import annotations

import msgspec

from edgetl.ladder import Ladder
from edgetl.report.ladder import in_words, ladder_tables, ladders_from


def rejected(ladder: Ladder) -> Ladder:
    first, _ = ladder.attempts
    return msgspec.structs.replace(ladder, attempts=(first,), chosen=first.name, passed=False)


def test_notes_of_a_bundle_are_read_and_others_ignored(ladder: Ladder) -> None:
    notes = msgspec.json.decode(msgspec.json.encode({"quantization": [ladder]}))
    assert ladders_from(notes) == (ladder,)
    assert ladders_from({}) == ()
    assert ladders_from({"quantization": [{"of": "another version"}]}) == ()


def test_words_say_why_the_chosen_graph_was_chosen(ladder: Ladder) -> None:
    assert in_words(ladder) == (
        "'mse ranges' was chosen, one of 2 graphs that were made: no other one passes.",
        "The search ended because 'mse ranges' passes.",
    )


def test_words_say_why_int8_was_rejected(ladder: Ladder) -> None:
    assert in_words(rejected(ladder))[0] == (
        "int8 was rejected for 'x86-vnni': the one graph that was made does not pass. accuracy drop: drop 20.00 points."
    )


def test_table_tells_what_each_graph_loses_and_which_gate_it_misses(ladder: Ladder) -> None:
    (table,) = ladder_tables((ladder,))
    assert [row[-1] for row in table.rows] == ["misses accuracy drop", "chosen"]
    assert [row[4] for row in table.rows] == ["+20.0 points", "+0.1 points"]
    assert "Time / float" not in [column.title for column in table.columns], "nothing was timed"


def test_a_graph_that_could_not_be_made_says_why(ladder: Ladder) -> None:
    first, second = ladder.attempts
    unmade = msgspec.structs.replace(first, check=None, reason="nothing of it can be written")
    (table,) = ladder_tables((msgspec.structs.replace(ladder, attempts=(unmade, second)),))
    assert table.rows[0][-1] == "nothing of it can be written"
