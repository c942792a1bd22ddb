"""A comparison in words."""

from __future__ import annotations

import msgspec
import pytest

from edgetl.comparison import COMPARISON_SCHEMA, ONE_RUN, ResultComparison, Side
from edgetl.pair import Pair
from edgetl.report import numbers
from edgetl.report.comparison import comparison_page, verdict_words
from edgetl.result import BundleIdentity
from edgetl.samples.comparison import Comparison, Outcome
from edgetl.scenario import SINGLE_STREAM


def pair(
    outcome: Outcome, low: float | None, high: float | None, verdict: Outcome | None = None, *against: str
) -> Pair:
    known = low is not None and high is not None
    comparison = Comparison(1.0, low, high, 0.0004 if known else None, (20, 4), 0.02, False, outcome)
    return Pair("a/b/c/1t", "a/b/c/1t", 2_000_000, 2_100_000, comparison, comparison.p, verdict or outcome, against)


def compared_with(*pairs: Pair) -> ResultComparison:
    """A comparison of two results that has these pairs."""
    side = Side(BundleIdentity("m", 1, "0"), "0.1", "standard", "f", None, ("x/y/z/1t",))
    return ResultComparison(
        COMPARISON_SCHEMA,
        "0.1",
        side,
        side,
        "infer",
        SINGLE_STREAM,
        0.02,
        pairs,
        (),
        True,
        ("software differs",),
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (pair("slower", 1.031, 1.052), "slower, by 3.1 to 5.2 %"),
        (pair("faster", 0.8, 0.9), "faster, by 10.0 to 20.0 %"),
        (pair("equivalent", 0.99, 1.01), "equivalent, within 2 %"),
        (
            pair("inconclusive", 0.9, 1.01),
            f"inconclusive: the 95 % interval reaches across the margin of 2 %; {ONE_RUN}",
        ),
        (pair("inconclusive", None, None), "inconclusive: 4 blocks of samples, 5 a side are needed; measure longer"),
        (
            pair("faster", 0.8, 0.9, "inconclusive", "the machines differ"),
            "inconclusive: measured faster, but the machines differ",
        ),
        (
            pair("slower", 1.1, 1.2, "slower", "the machines differ"),
            "slower, by 10.0 to 20.0 %, although the machines differ",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verdict_is_a_phrase_with_its_numbers(one: Pair, words: str) -> None:
    assert verdict_words(one) == words


def test_difference_that_may_be_chance_is_called_nothing_else() -> None:
    found = pair("slower", 1.031, 1.052, "inconclusive", "p is above 0.05 after Holm's correction")
    chance = msgspec.structs.replace(found, p_holm=0.089)
    assert verdict_words(chance) == "inconclusive: p is above 0.05 after Holm's correction"
    both = msgspec.structs.replace(chance, downgraded=("the machines differ", *chance.downgraded))
    assert "slower" not in verdict_words(both)


def test_same_words_about_several_candidates_stand_once() -> None:
    one, other = pair("inconclusive", 0.9, 1.01), pair("inconclusive", 0.8, 1.02)
    result = compared_with(one, other, pair("slower", 1.1, 1.2))
    (table,) = comparison_page(result, "a", "b").tables
    assert table.remarks[1:] == (f"a/b/c/1t, a/b/c/1t: {verdict_words(one)}.",)


def test_page_counts_verdicts_and_names_what_has_no_partner() -> None:
    found = compared_with(pair("slower", 1.1, 1.2), pair("slower", 1.1, 1.2), pair("equivalent", 0.99, 1.01))
    page = comparison_page(found, "old.json", "new.json")
    assert page.title == "new.json against old.json"
    assert page.summary[0] == "3 candidates compared: 2 slower, 1 equivalent."
    assert "Only in old.json: x/y/z/1t." in page.summary
    assert page.summary[-1] == "Note: software differs."
    (table,) = page.tables
    assert table.rows[0][1:] == ("2.00 ms", "2.10 ms", "1.000 x", "1.100 to 1.200", "< 0.001", "slower")
    assert {len(row) for row in table.rows} == {len(table.columns)}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), (0.0, "< 0.001"), (0.0321, "0.032"), (1.0, "1.000"), (0.05, "0.050"), (0.050012, "0.05001")],
)
def test_probabilities_have_three_places(value: float | None, shown: str) -> None:
    assert numbers.probability(value) == shown
