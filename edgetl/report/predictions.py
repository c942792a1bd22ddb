"""Predictions as documents and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

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


Answer: TypeAlias = "Prediction | Mapping[str, Array]"
"""A model without labels answers with its output tensors."""


class LabelDocument(msgspec.Struct, frozen=True):
    """A classifier's answer in ``predict --json``."""

    input: str
    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    """The best classes with their scores, best first."""


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


Document: TypeAlias = "LabelDocument | TensorDocument"


def as_document(source: str, answer: Answer, top: int) -> Document:
    """One source with its label and its ``top`` best classes, or with its output tensors."""
    if isinstance(answer, Mapping):
        return TensorDocument(source, {name: np.asarray(array).tolist() for name, array in answer.items()})
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
    return Page(f"Predictions of {candidate}", tables=(Table("", columns, rows),))


def _rows(document: Document) -> list[tuple[str, str, str]]:
    if isinstance(document, TensorDocument):
        shown = [(name, " x ".join(map(str, np.shape(value)))) for name, value in document.outputs.items()]
    else:
        shown = [(label, numbers.percent(score)) for label, score in document.top]
    return [(document.input if place == 0 else "", *cells) for place, cells in enumerate(shown)]
