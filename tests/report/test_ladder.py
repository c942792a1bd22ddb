"""What was tried, in words and as a table, with which treatments a graph had and what each gained."""

from __future__ import annotations

import msgspec
import pytest

from edgetl.check import Check
from edgetl.interval import Interval
from edgetl.ladder import Attempt, Ladder, Trained, Treatment
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
def treated_ladder() -> Ladder:
    failed = Attempt("head as it was", "as it was", "percentile", False, reason="too far", untimed_because="no graph")
    attempts = (failed, TREATED)
    return Ladder("tensorrt", "first", 600.0, attempts, TREATED.name, True, (), "it passes", "int8 share")


def test_treatments_stand_with_what_they_gained(treated_ladder: Ladder) -> None:
    (table,) = ladder_tables((treated_ladder,))

    place = [column.title for column in table.columns].index("Treatments, and what each gained")
    assert table.rows[1][place] == "equalise (+71.6 points), bias-correction"


def test_training_stands_with_its_losses_and_what_it_gained(treated_ladder: Ladder) -> None:
    first, second = treated_ladder.attempts
    second = msgspec.structs.replace(second, trained=Trained(300, 0.41234, 0.12, 448, 64, 0.031))
    (table,) = ladder_tables((msgspec.structs.replace(treated_ladder, attempts=(first, second)),))

    place = [column.title for column in table.columns].index("Training against float")
    assert [row[place] for row in table.rows] == ["-", "300 steps on 448 samples, loss 0.4123 to 0.12 (+3.1 points)"]
    (table,) = ladder_tables((treated_ladder,))
    assert "Training against float" not in [column.title for column in table.columns], "nothing was trained"


def test_changed_decisions_stand_with_their_interval_and_those_of_older_bundles_are_not_known(
    treated_ladder: Ladder,
) -> None:
    first, second = treated_ladder.attempts
    second = msgspec.structs.replace(second, flips=Interval("flip rate", 0.0104, (0.0018, 0.0567), 96))
    newer = msgspec.structs.replace(treated_ladder, attempts=(first, second))
    (table,) = ladder_tables(ladders_from(msgspec.json.decode(msgspec.json.encode({"quantization": [newer]}))))

    place = [column.title for column in table.columns].index("Decides otherwise")
    assert [row[place] for row in table.rows] == ["-", "1.0 % of 96 (0.2 to 5.7 %)"]
    assert any(remark.startswith("How often a graph decides otherwise") for remark in table.remarks)
    (older,) = ladder_tables(ladders_from({"quantization": msgspec.to_builtins((treated_ladder,))}))
    assert "Decides otherwise" not in [column.title for column in older.columns]
    assert not any("otherwise" in remark for remark in older.remarks)


def test_notes_give_the_ladder_back(treated_ladder: Ladder) -> None:
    assert ladders_from({"quantization": msgspec.to_builtins((treated_ladder,))}) == (treated_ladder,)


def test_notes_of_a_version_without_treatments_can_be_read(treated_ladder: Ladder) -> None:
    notes = msgspec.to_builtins((treated_ladder,))
    del notes[0]["attempts"][1]["treatments"]

    (found,) = ladders_from({"quantization": notes})

    assert found.attempts[1].treatments == ()
    assert in_words(found) == in_words(treated_ladder)


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
        "2 graphs were judged, on the same samples: the bound of each is its own, and is not corrected for the choice "
        "among them.",
    )


def test_of_one_graph_that_was_judged_there_is_no_choice(ladder: Ladder, treated_ladder: Ladder) -> None:
    assert len(in_words(treated_ladder)) == len(in_words(rejected(ladder))) == 2


def test_words_say_why_int8_was_rejected(ladder: Ladder) -> None:
    assert in_words(rejected(ladder))[0] == (
        "int8 was rejected for 'x86-vnni': the one graph that was made does not pass. accuracy drop: drop 20.00 points."
    )


def halved(ladder: Ladder) -> Ladder:
    """The same of a rendering in 16 bits."""
    attempts = tuple(msgspec.structs.replace(one, int8_share=0.0, passed=True) for one in ladder.attempts)
    return msgspec.structs.replace(ladder, rendering="fp16", attempts=attempts)


def test_of_16_bit_floats_nothing_is_said_of_int8(ladder: Ladder) -> None:
    passed, (table,) = halved(ladder), ladder_tables((halved(ladder),))
    assert "the most accurate that passes" in in_words(passed)[0]
    assert "In int8" not in [column.title for column in table.columns]
    assert in_words(rejected(passed))[0].startswith("fp16 was rejected for 'fp16': ")
    assert "int8" not in " ".join((*in_words(passed), *in_words(rejected(passed)), *table.remarks))


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
