"""Predictions as documents and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec
import numpy as np

from edgetl.report import numbers
from edgetl.report.page import Column, Page, Table
from edgetl.tensors import Array


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


@runtime_checkable
class SeveralLabels(Protocol):
    """What a model says of one image that may have several labels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Those given, the most probable first."""

    @property
    def scores(self) -> Mapping[str, float]:
        """Probability of every class."""


Answer: TypeAlias = "Prediction | SeveralLabels | Mapping[str, Array]"
"""A model without labels answers with its output tensors."""


class LabelDocument(msgspec.Struct, frozen=True):
    """A classifier's answer in ``predict --json``."""

    input: str
    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    """The best classes with their scores, best first."""


class LabelsDocument(msgspec.Struct, frozen=True):
    """The answer of a model that gives several labels in ``predict --json``."""

    input: str
    labels: tuple[str, ...]
    top: tuple[tuple[str, float], ...]
    """The best classes with their scores, best first, and at least those given."""


class TensorDocument(msgspec.Struct, frozen=True):
    """The answer of a model without labels in ``predict --json``."""

    input: str
    outputs: dict[str, Any]
    """Nested lists."""


class Reason(msgspec.Struct, frozen=True):
    """What went wrong, in the form that every command tells it."""

    type: str
    message: str


class ErrorDocument(msgspec.Struct, frozen=True):
    """In place of an answer in ``predict --json``: the input could not be read."""

    input: str
    error: Reason


Document: TypeAlias = "LabelDocument | LabelsDocument | TensorDocument"


def as_document(source: str, answer: Answer, top: int) -> Document:
    """One source with its label or labels and its ``top`` best classes, or with its output tensors."""
    if isinstance(answer, Mapping):
        return TensorDocument(source, {name: np.asarray(array).tolist() for name, array in answer.items()})
    if isinstance(answer, SeveralLabels):
        ranked = best(answer.scores, len(answer.scores))
        shown = max(top, *(place + 1 for place, (label, _) in enumerate(ranked) if label in answer.labels), 0)
        return LabelsDocument(source, answer.labels, ranked[:shown])
    return LabelDocument(source, answer.label, float(answer.score), best(answer.scores, top))


def best(scores: Mapping[str, float], top: int) -> tuple[tuple[str, float], ...]:
    """The ``top`` best classes, best first; equal scores in the order of the classes."""
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return tuple((label, float(score)) for label, score in ranked[:top])


def predictions(documents: Sequence[Document], candidate: str) -> Page:
    """A row per class or output shown."""
    rows = tuple(row for document in documents for row in _rows(document))
    columns = (Column("Input"), Column("Label"), Column("Score", "right"))
    if any(isinstance(document, TensorDocument) for document in documents):
        columns = (Column("Input"), Column("Output"), Column("Shape", "right"))
    several = any(isinstance(document, LabelsDocument) for document in documents)
    remarks = ("A class in brackets is not given: its score is not above its threshold.",) if several else ()
    return Page(f"Predictions of {candidate}", tables=(Table("", columns, rows, remarks),))


def _rows(document: Document) -> list[tuple[str, str, str]]:
    if isinstance(document, TensorDocument):
        shown = [(name, " x ".join(map(str, np.shape(value)))) for name, value in document.outputs.items()]
    elif isinstance(document, LabelsDocument):
        given = set(document.labels)
        shown = [(label if label in given else f"({label})", numbers.percent(score)) for label, score in document.top]
    else:
        shown = [(label, numbers.percent(score)) for label, score in document.top]
    return [(document.input if place == 0 else "", *cells) for place, cells in enumerate(shown)]
