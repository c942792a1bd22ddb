"""Candidates against each other, of two results or of one run, in words."""

from __future__ import annotations

from collections import Counter
from typing import get_args

from edgetl.comparison import ONE_RUN, Lost, ResultComparison
from edgetl.pair import Pair
from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table
from edgetl.result import Result
from edgetl.samples.comparison import Comparison, Outcome
from edgetl.samples.ratio import MIN_BLOCKS


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
        known = {one.name for one in compared.lost} if side is compared.first else set()
        if alone := [one for one in side.alone if one not in known]:
            sentences.append(f"Only in {name}: {', '.join(alone)}.")
    sentences += [f"Timed in {first}, not in {second}: {one.name} ({one.because})." for one in compared.lost]
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
        "p: Mann-Whitney on medians of blocks, for as many as are independent, after Holm's correction for the number "
        "of candidates.",
        *explained,
    )
    return Table("Median latency", columns, tuple(_row(pair) for pair in compared.pairs), remarks)


def side_by_side_table(result: Result) -> Table:
    """Each candidate of one run against its reference, from blocks that took turns; perhaps no rows."""
    columns = (
        Column("Candidate"),
        Column("Against"),
        Column("Ratio", "right"),
        Column("95 % interval", "right"),
        Column("p", "right"),
        Column("Verdict"),
    )
    pairs = result.comparisons or ()
    rows = tuple((pair.second, pair.first, *_judgement(pair)) for pair in pairs)
    if not pairs:
        return Table("Side by side", columns, ())
    rule = (
        f"Ratios of medians; differences within {_margin(pairs[0].comparison.margin)} do not matter. "
        "p: Wilcoxon's signed ranks of block medians, after Holm's correction for the number of candidates."
    )
    explained = (f"{pair.second}: {verdict_words(pair)}." for pair in pairs if not _is_plain(pair))
    return Table("Side by side", columns, rows, (rule, *explained))


def _judgement(pair: Pair) -> tuple[str, ...]:
    found = pair.comparison
    interval = numbers.ratio_interval(found.low, found.high)
    return numbers.fine_ratio(found.ratio), interval, numbers.probability(pair.p_holm), pair.verdict


def _row(pair: Pair) -> tuple[str, ...]:
    return (
        pair.second if pair.first == pair.second else f"{pair.second} against {pair.first}",
        numbers.duration(pair.first_p50_ns),
        numbers.duration(pair.second_p50_ns),
        *_judgement(pair),
    )


def _is_plain(pair: Pair) -> bool:
    return pair.verdict != "inconclusive" and not pair.downgraded


def verdict_words(pair: Pair) -> str:
    """The verdict as a phrase: ``slower, by 3.1 to 5.2 %``."""
    found = pair.comparison
    if found.low is None or found.high is None:
        return f"inconclusive: {min(found.blocks)} blocks prove nothing, {MIN_BLOCKS} a side are needed"
    words: str = pair.verdict
    if pair.verdict == "slower":
        words += f", by {numbers.percent_interval((found.low - 1, found.high - 1))}"
    elif pair.verdict == "faster":
        words += f", by {numbers.percent_interval((1 - found.high, 1 - found.low))}"
    elif pair.verdict == "equivalent":
        words += f", within {_margin(found.margin)}"
    elif not pair.downgraded:
        words += f": {_undecided(found)}"
    if pair.downgraded:
        measured = "" if pair.verdict == found.outcome else f"measured {found.outcome}, "
        words += f" ({measured}downgraded: {', '.join(pair.downgraded)})"
    return words


def lost_words(lost: Lost) -> str:
    """A candidate that is no longer timed, and why."""
    return f"{lost.name} was not timed ({lost.because})"


def _undecided(found: Comparison) -> str:
    advice = "measure longer" if found.paired else ONE_RUN
    if found.effective_blocks is not None and min(found.effective_blocks) < MIN_BLOCKS:
        least = min(found.effective_blocks)
        return f"neighbouring blocks are alike and count for {least:.1f}, {MIN_BLOCKS} a side are needed; {advice}"
    return f"the interval reaches across the margin; {advice}"


def _margin(fraction: float) -> str:
    return f"{fraction * 100:g} %"
