"""The recipes that come with EdgeTL, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table


class Entry(Protocol):
    """One recipe."""

    @property
    def name(self) -> str:
        """Of its folder."""

    @property
    def title(self) -> str:
        """Of its card."""

    @property
    def method(self) -> str:
        """How the backbone is adapted."""

    @property
    def backbone(self) -> str:
        """The pre-trained network."""

    @property
    def licence(self) -> str | None:
        """Of its data."""

    @property
    def limits(self) -> Sequence[str]:
        """What it is not for."""

    @property
    def test_accuracy_min(self) -> float | None:
        """What a run must reach."""


def zoo_page(entries: Sequence[Entry]) -> Page:
    """What each recipe is, and below it what its card says it is not for."""
    columns = (
        Column("Name"),
        Column("Method"),
        Column("Backbone"),
        Column("Test accuracy", "right"),
        Column("Licence of the data"),
    )
    rows = tuple(
        (
            entry.name,
            entry.method,
            entry.backbone,
            numbers.UNKNOWN if entry.test_accuracy_min is None else f"at least {_percent(entry)}",
            entry.licence or "see its card",
        )
        for entry in entries
    )
    cards = tuple(
        Table(f"{entry.name}: {entry.title}", (Column("Limits"),), tuple((limit,) for limit in entry.limits))
        for entry in entries
        if entry.limits
    )
    start = "Copy one to start from with: edgetl models NAME -o DIR. Its card.md says more."
    return Page("Recipes", (start,), (Table("", columns, rows), *cards))


def _percent(entry: Entry) -> str:
    return numbers.percent(entry.test_accuracy_min)
