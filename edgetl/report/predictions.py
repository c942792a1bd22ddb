"""Predictions as documents and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table


class Prediction(Protocol):
    """What a classifier says of one image."""

    @property
    def label(self) -> str:
        """The most probable class."""

    @property
    def score(self) -> float:
        """Its probability."""

    @property
    def scores(self) -> Mapping[str, float]:
        """Probability of every class."""


class PredictionDocument(msgspec.Struct, frozen=True):
    """One line of the answer to ``predict --json``."""

    input: str
    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    """The best classes with their scores, best first."""


def as_documents(sources: Sequence[str], answers: Sequence[Prediction], top: int) -> tuple[PredictionDocument, ...]:
    """Each source with its label and its ``top`` best classes."""
    return tuple(
        PredictionDocument(source, answer.label, float(answer.score), best(answer.scores, top))
        for source, answer in zip(sources, answers, strict=True)
    )


def best(scores: Mapping[str, float], top: int) -> tuple[tuple[str, float], ...]:
    """The ``top`` best classes, best first; equal scores in the order of the classes."""
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return tuple((label, float(score)) for label, score in ranked[:top])


def predictions(documents: Sequence[PredictionDocument], candidate: str) -> Page:
    """A row per class shown."""
    columns = (Column("Input"), Column("Label"), Column("Score", "right"))
    rows = tuple(
        (document.input if place == 0 else "", label, numbers.percent(score))
        for document in documents
        for place, (label, score) in enumerate(document.top)
    )
    return Page(f"Predictions of {candidate}", tables=(Table("", columns, rows),))
