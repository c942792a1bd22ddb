"""A bench run in the terminal: numbers, who is faster by how much, and whether to believe it."""

from __future__ import annotations

from edgetl.report.candidates import latency_table, ordered, start_table, throughput_table
from edgetl.report.comparison import side_by_side_table
from edgetl.report.energy import known_energy_table
from edgetl.report.executed import precision_table, roofline_table
from edgetl.report.layers import layers_table
from edgetl.report.load import batch_words, only_throughput, scenario_words, scopes_words
from edgetl.report.minutes import minutes_table
from edgetl.report.page import Page
from edgetl.report.percentiles import percentiles_table
from edgetl.report.text import machine_sentence
from edgetl.report.trust import doubts_table, unranked
from edgetl.report.verdicts import load_table
from edgetl.result import Result


def benchmark(result: Result) -> Page:
    """The report of a bench run, in which nothing was judged but the measurement itself."""
    timed = (
        latency_table(result),
        percentiles_table(result, highest_only=True),
        side_by_side_table(result),
        load_table(result),
    )
    offline = (throughput_table(result), side_by_side_table(result))
    tables = (*(offline if only_throughput(result) else timed), minutes_table(result))
    layers = [layers_table(one.name, one.layers) for one in ordered(result) if one.layers is not None]
    executed = (precision_table(result), roofline_table(result), *layers) if layers else ()
    every = (*tables, known_energy_table(result), start_table(result), *executed, doubts_table(result))
    summary = (
        machine_sentence(result),
        _covered(result),
        *unranked(result),
        *(f"Note: {remark}." for remark in result.remarks),
    )
    what = "Throughput" if only_throughput(result) else "Latency"
    return Page(f"{what} of {result.bundle.name}", summary, tuple(table for table in every if table.rows))


def _covered(result: Result) -> str:
    words = (f"Load: {scenario_words(result.scenario)}", f"scope: {scopes_words(result)}", batch_words(result))
    return "; ".join(word for word in words if word) + "."
