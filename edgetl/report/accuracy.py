"""Accuracy, as the host measured it, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgetl.check import Check, failures
from edgetl.evaluation import Evaluation, Interval, Metrics
from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table

_SCORES = (
    Column("Variant"),
    Column("Metric"),
    Column("Value", "right"),
    Column("95 % interval", "right"),
    Column("n", "right"),
)
_CLASS_COLUMNS = ("Class", "n", "Precision", "Recall", "F1")
_CLASSES_MAX = 10
"""Of more, only the worst are shown."""


def accuracy_table(evaluations: Sequence[Evaluation], headline_only: bool = False) -> Table:
    """Metrics of every variant on the test split, which nothing was chosen with."""
    last = 1 if headline_only else None
    rows = [row for one in evaluations if one.test for row in _rows(one.variant, one.test)[:last]]
    remarks = ("The test split was read for this table only; gates were judged on other data.", *_failed(evaluations))
    return Table("Accuracy on unseen data (host)", _SCORES, tuple(rows), remarks)


def selection_table(evaluations: Sequence[Evaluation]) -> Table:
    """The headline metric of every variant on the data that gates and settings were chosen with, in each runtime."""
    rows = [row for evaluation in evaluations for row in _selection_rows(evaluation)]
    remarks = ("Settings were chosen on this data, so these numbers are optimistic.",)
    return Table("Accuracy that gates were judged on (host)", (*_SCORES, Column("Split")), tuple(rows), remarks)


def checks_table(title: str, checks: Sequence[Check]) -> Table:
    """Checks against their limits."""
    columns = (
        Column("Check"),
        Column("Value", "right"),
        Column("Limit", "right"),
        Column("n", "right"),
        Column("Passed"),
        Column("Reason"),
    )
    return Table(title, columns, tuple(_check_row(check) for check in checks))


def metrics_page(model: str, split: str, metrics: Metrics) -> Page:
    """All metrics of one model on one split, and each class."""
    scores, classes = Table("", _SCORES, tuple(_rows(model, metrics))), classes_table(metrics)
    return Page(f"{model} on the {split} split", tables=(scores, classes) if classes.rows else (scores,))


def classes_table(metrics: Metrics) -> Table:
    """How well each class is told apart; of many the worst."""
    columns = tuple(Column(title, "right" if place else "left") for place, title in enumerate(_CLASS_COLUMNS))
    shown = metrics.per_class
    if len(shown) > _CLASSES_MAX:
        shown = tuple(sorted(shown, key=lambda score: score.f1)[:_CLASSES_MAX])
    left_out = len(metrics.per_class) - len(shown)
    remarks = (f"and {numbers.count(left_out)} more classes, with no lower F1.",) if left_out else ()
    rows = tuple(
        (
            score.label,
            numbers.count(score.support),
            numbers.percent(score.precision),
            numbers.percent(score.recall),
            numbers.percent(score.f1),
        )
        for score in shown
    )
    return Table("Classes", columns, rows, remarks)


def _selection_rows(evaluation: Evaluation) -> Iterator[tuple[str, ...]]:
    if evaluation.selection:
        yield (*_row(evaluation.variant, evaluation.selection.headline), evaluation.selection_split)
    for other in evaluation.other_runtimes:
        if other.selection:
            yield (*_row(f"{evaluation.variant} in {other.runtime}", other.selection), other.selection_split)


def _rows(variant: str, metrics: Metrics) -> list[tuple[str, ...]]:
    return [_row(variant, score) for score in metrics.values]


def _row(variant: str, score: Interval) -> tuple[str, ...]:
    return (
        variant,
        score.metric,
        numbers.percent(score.value),
        numbers.percent_interval(score.ci95),
        numbers.count(score.n),
    )


def _failed(evaluations: Sequence[Evaluation]) -> list[str]:
    return [
        f"FAILED on the host: {evaluation.variant}: {failures(evaluation.every_check)}"
        for evaluation in evaluations
        if failures(evaluation.every_check)
    ]


def _check_row(check: Check) -> tuple[str, ...]:
    return (
        check.name,
        numbers.quantity(check.value, check.unit),
        numbers.quantity(check.limit, check.unit),
        numbers.count(check.n),
        ("yes" if check.is_judged else "not judged") if check.passed else "NO",
        check.reason,
    )
