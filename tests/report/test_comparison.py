"""A comparison in words."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (pair("slower", 1.031, 1.052), "slower, by 3.1 to 5.2 %"),
        (pair("faster", 0.8, 0.9), "faster, by 10.0 to 20.0 %"),
        (pair("equivalent", 0.99, 1.01), "equivalent, within 2 %"),
        (
            pair("inconclusive", 0.9, 1.01),
            f"inconclusive: the interval reaches across the margin; {ONE_RUN}",
        ),
        (pair("inconclusive", None, None), "inconclusive: 4 blocks prove nothing, 5 a side are needed"),
        (
            pair("faster", 0.8, 0.9, "inconclusive", "other machine"),
            "inconclusive (measured faster, downgraded: other machine)",
        ),
        (pair("slower", 1.1, 1.2, "slower", "other machine"), "slower, by 10.0 to 20.0 % (downgraded: other machine)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verdict_is_a_phrase_with_its_numbers(one: Pair, words: str) -> None:
    assert verdict_words(one) == words


def test_page_counts_verdicts_and_names_what_has_no_partner() -> None:
    side = Side(BundleIdentity("m", 1, "0"), "0.1", "standard", "f", None, ("x/y/z/1t",))
    compared = ResultComparison(
        COMPARISON_SCHEMA,
        "0.1",
        side,
        side,
        "infer",
        SINGLE_STREAM,
        0.02,
        (pair("slower", 1.1, 1.2), pair("slower", 1.1, 1.2), pair("equivalent", 0.99, 1.01)),
        (),
        True,
        ("software differs",),
    )
    page = comparison_page(compared, "old.json", "new.json")
    assert page.title == "new.json against old.json"
    assert page.summary[0] == "2 slower, 1 equivalent."
    assert "Only in old.json: x/y/z/1t." in page.summary
    assert page.summary[-1] == "Note: software differs."
    (table,) = page.tables
    assert table.rows[0][1:] == ("2.00 ms", "2.10 ms", "1.000 x", "1.100 to 1.200", "< 0.001", "slower")
    assert {len(row) for row in table.rows} == {len(table.columns)}


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), (0.0, "< 0.001"), (0.0321, "0.032"), (1.0, "1.000")])
def test_probabilities_have_three_places(value: float | None, shown: str) -> None:
    assert numbers.probability(value) == shown
