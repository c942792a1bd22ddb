"""Two results against each other, in words."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from edgetl.comparison import ResultComparison
from edgetl.pair import Pair
from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table
from edgetl.samples.comparison import Outcome


def comparison_page(compared: ResultComparison, first: str, second: str) -> Page:
    """The report of a comparison; ``first`` and ``second`` are what to call the results."""
    return Page(f"{second} against {first}", _summary(compared, first, second), (_table(compared),))


def _summary(compared: ResultComparison, first: str, second: str) -> tuple[str, ...]:
    counts = Counter(pair.verdict for pair in compared.pairs)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Outcome) if counts[verdict])
    batch = f", batch {compared.batch}" if compared.batch > 1 else ""
    sentences = [
        f"{found}.",
        f"Latency (scope {compared.scope}, {compared.scenario.kind}{batch}): ratios are {second} over {first}; "
        f"differences within {_margin(compared.margin)} do not matter.",
    ]
    for name, side in ((first, compared.first), (second, compared.second)):
        if side.alone:
            sentences.append(f"Only in {name}: {', '.join(side.alone)}.")
    return (*sentences, *(f"Note: {remark}." for remark in compared.remarks))


def _table(compared: ResultComparison) -> Table:
    columns = (
        Column("Candidate"),
        Column("First", "right"),
        Column("Second", "right"),
        Column("Ratio", "right"),
        Column("95 % interval", "right"),
        Column("p", "right"),
        Column("Verdict"),
    )
    explained = (f"{pair.second}: {verdict_words(pair)}." for pair in compared.pairs if not _is_plain(pair))
    remarks = (
        "p: Mann-Whitney on medians of blocks, after Holm's correction for the number of candidates.",
        *explained,
    )
    return Table("Median latency", columns, tuple(_row(pair) for pair in compared.pairs), remarks)


def _row(pair: Pair) -> tuple[str, ...]:
    found = pair.comparison
    return (
        pair.second if pair.first == pair.second else f"{pair.second} against {pair.first}",
        numbers.duration(pair.first_p50_ns),
        numbers.duration(pair.second_p50_ns),
        numbers.fine_ratio(found.ratio),
        numbers.ratio_interval(found.low, found.high),
        numbers.probability(pair.p_holm),
        pair.verdict,
    )


def _is_plain(pair: Pair) -> bool:
    return pair.verdict != "inconclusive" and not pair.downgraded


def verdict_words(pair: Pair) -> str:
    """The verdict as a phrase: ``slower, by 3.1 to 5.2 %``."""
    found = pair.comparison
    if found.low is None or found.high is None:
        return f"inconclusive: {min(found.blocks)} blocks prove nothing, 5 a side are needed"
    words: str = pair.verdict
    if pair.verdict == "slower":
        words += f", by {numbers.percent_interval((found.low - 1, found.high - 1))}"
    elif pair.verdict == "faster":
        words += f", by {numbers.percent_interval((1 - found.high, 1 - found.low))}"
    elif pair.verdict == "equivalent":
        words += f", within {_margin(found.margin)}"
    elif not pair.downgraded:
        words += ": the interval reaches across the margin; measure longer"
    if pair.downgraded:
        measured = "" if pair.verdict == found.outcome else f"measured {found.outcome}, "
        words += f" ({measured}downgraded: {', '.join(pair.downgraded)})"
    return words


def _margin(fraction: float) -> str:
    return f"{fraction * 100:g} %"
