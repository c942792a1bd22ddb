"""Candidates against each other, of two results or of one run, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from edgetl.comparison import ONE_RUN, Lost, ResultComparison
from edgetl.pair import Pair
from edgetl.report import numbers
from edgetl.report.load import scenario_words, scope_name
from edgetl.report.page import Column, Page, Table
from edgetl.result import Result
from edgetl.samples.comparison import SIGNIFICANT, Comparison, Outcome
from edgetl.samples.ratio import MIN_BLOCKS


def comparison_page(compared: ResultComparison, first: str, second: str) -> Page:
    """The report of a comparison; ``first`` and ``second`` are what to call the results."""
    return Page(f"{second} against {first}", _summary(compared, first, second), (_table(compared),))


def _summary(compared: ResultComparison, first: str, second: str) -> tuple[str, ...]:
    counts = Counter(pair.verdict for pair in compared.pairs)
    found = ", ".join(f"{counts[verdict]} {verdict}" for verdict in get_args(Outcome) if counts[verdict])
    batch = f", batch {compared.batch}" if compared.batch > 1 else ""
    what = "Throughput" if compared.scenario.kind == "offline" else "Latency"
    sentences = [
        f"{numbers.counted(len(compared.pairs), 'candidate')} compared: {found}.",
        f"First is {first}, second is {second}. {what}: {scenario_words(compared.scenario)}; scope: "
        f"{scope_name(compared.scope)}{batch}.",
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
        Column("First p50", "right"),
        Column("Second p50", "right"),
        Column("Ratio", "right"),
        Column("95 % interval", "right"),
        Column("p", "right"),
        Column("Verdict"),
    )
    tested = "Mann-Whitney test of block medians, counting only as many blocks as are independent"
    remarks = (_rule(compared.margin, tested, len(compared.pairs)), *_explained(compared.pairs))
    title = "Median time per inference" if compared.scenario.kind == "offline" else "Median latency"
    return Table(title, columns, tuple(_row(pair) for pair in compared.pairs), remarks)


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
    rule = _rule(pairs[0].comparison.margin, "Wilcoxon's signed-rank test of block medians", len(pairs))
    return Table("Side by side", columns, rows, (rule, *_explained(pairs)))


def _rule(margin: float, tested: str, pairs: int) -> str:
    """How ratios are to be read, and where p comes from."""
    corrected = f", after Holm's correction for {pairs} comparisons" if pairs > 1 else ""
    return (
        f"Ratio of medians: below 1 is faster; a difference of up to {_margin(margin)} counts as none (--margin). "
        f"p: {tested}{corrected}; faster and slower need at most {SIGNIFICANT:g}."
    )


def _explained(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """What the table's columns do not say; pairs of which the same is to be said stand together."""
    of: dict[str, list[str]] = {}
    for pair in pairs:
        if not _is_plain(pair):
            of.setdefault(verdict_words(pair), []).append(pair.second)
    return tuple(f"{', '.join(names)}: {words}." for words, names in of.items())


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
        return (
            f"inconclusive: {numbers.counted(min(found.blocks), 'block')} of samples, {MIN_BLOCKS} a side are needed; "
            "measure longer"
        )
    words: str = pair.verdict
    if pair.verdict == "slower":
        words += f", by {numbers.percent_interval((found.low - 1, found.high - 1))}"
    elif pair.verdict == "faster":
        words += f", by {numbers.percent_interval((1 - found.high, 1 - found.low))}"
    elif pair.verdict == "equivalent":
        words += f", within {_margin(found.margin)}"
    elif not pair.downgraded:
        return f"{words}: {_undecided(found)}"
    else:
        return f"{words}: {_measured(pair)}{', '.join(pair.downgraded)}"
    return f"{words}, although {', '.join(pair.downgraded)}" if pair.downgraded else words


def _measured(pair: Pair) -> str:
    """What would have been concluded but for what speaks against it; a difference that may be chance is not named."""
    outcome = pair.comparison.outcome
    is_chance = pair.p_holm is None or pair.p_holm > SIGNIFICANT
    if outcome == "inconclusive" or (is_chance and outcome != "equivalent"):
        return ""
    return f"measured {outcome}, but "


def lost_words(lost: Lost) -> str:
    """A candidate that is no longer timed, and why."""
    return f"{lost.name} was not timed ({lost.because})"


def _undecided(found: Comparison) -> str:
    advice = "measure longer" if found.paired else ONE_RUN
    if found.effective_blocks is not None and min(found.effective_blocks) < MIN_BLOCKS:
        least = min(found.effective_blocks)
        return (
            f"blocks resemble their neighbours, so that they count for {least:.1f} independent ones; {MIN_BLOCKS} a "
            f"side are needed; {advice}"
        )
    return f"the 95 % interval reaches across the margin of {_margin(found.margin)}; {advice}"


def _margin(fraction: float) -> str:
    return f"{fraction * 100:g} %"
