"""What is in a bundle, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from edgetl.gates import Gates, TargetGates
from edgetl.golden import GoldenIndex
from edgetl.preprocess import Preprocess
from edgetl.report import numbers
from edgetl.report.accuracy import accuracy_table, checks_table, selection_table
from edgetl.report.decisions import decisions_tables
from edgetl.report.ladder import ladder_tables, ladders_from
from edgetl.report.page import Column, Page, Table
from edgetl.report.text import Subject, sizes_table


class Calibration(Protocol):
    """The images that activation ranges were taken from."""

    @property
    def n(self) -> int:
        """How many."""

    @property
    def classes(self) -> Mapping[str, int]:
        """How many of each class."""


class Origin(Protocol):
    """Where a model came from."""

    @property
    def backbone(self) -> str:
        """Name of the pre-trained model."""

    @property
    def weights_sha256(self) -> str | None:
        """Hash of its weights."""

    @property
    def method(self) -> str:
        """How it was adapted."""

    @property
    def data_sha256(self) -> str | None:
        """Hash of the data set."""

    @property
    def samples(self) -> Mapping[str, int]:
        """Images per split."""

    @property
    def calibration(self) -> Calibration | None:
        """What activation ranges were taken from."""

    @property
    def tools(self) -> Mapping[str, str]:
        """Versions of what made the bundle."""

    @property
    def notes(self) -> Mapping[str, Any]:
        """What else is known; it has no schema."""


class Described(Subject, Protocol):
    """What :func:`contents` needs of a manifest."""

    @property
    def edgetl_version(self) -> str:
        """What wrote the bundle."""

    @property
    def task(self) -> str:
        """What it predicts."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in order."""

    @property
    def preprocess(self) -> Preprocess | None:
        """How images become inputs."""

    @property
    def gates(self) -> Gates:
        """Limits it must meet."""

    @property
    def golden(self) -> GoldenIndex:
        """Samples with reference outputs."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Probability above which each class is given."""

    @property
    def recipe_sha256(self) -> str:
        """Hash of the recipe."""

    @property
    def provenance(self) -> Origin:
        """Where it came from."""


def contents(manifest: Described, sha256: str) -> Page:
    """Everything a manifest says, in tables."""
    checks = [
        checks_table(f"Checks of {evaluation.variant} on the host", evaluation.every_check)
        for evaluation in manifest.evaluations
    ]
    tables = (
        facts_table(manifest, sha256),
        sizes_table(manifest.variants),
        accuracy_table(manifest.evaluations),
        selection_table(manifest.evaluations),
        *decisions_tables(manifest.evaluations),
        *ladder_tables(ladders_from(manifest.provenance.notes)),
        *checks,
        origin_table(manifest.provenance),
    )
    return Page(f"{manifest.name}, version {manifest.version}", tables=tuple(table for table in tables if table.rows))


def facts_table(manifest: Described, sha256: str) -> Table:
    """What is in a bundle, in one line each."""
    images = f", {len(manifest.golden.encoded)} of them with the image they came from"
    rows = (
        ("sha256", sha256),
        ("recipe", manifest.recipe_sha256),
        ("written by", f"edgetl {manifest.edgetl_version}"),
        ("task", manifest.task),
        ("classes", f"{len(manifest.classes)}: {', '.join(manifest.classes)}" if manifest.classes else "none"),
        *((("thresholds", _thresholds(manifest)),) if manifest.thresholds else ()),
        ("input", _input(manifest.preprocess)),
        ("gates", _limits(manifest.gates)),
        *((f"gates on {name}", _limits(gates)) for name, gates in manifest.gates.target.items()),
        ("golden", f"{manifest.golden.n} samples{images if manifest.golden.encoded else ''}"),
    )
    return _pairs("Contents", rows)


def origin_table(origin: Origin) -> Table:
    """Where a model came from, in hashes and versions."""
    splits = ", ".join(f"{name} {numbers.count(n)}" for name, n in origin.samples.items())
    rows = (
        ("backbone", origin.backbone),
        ("weights", origin.weights_sha256 or numbers.UNKNOWN),
        ("method", origin.method),
        ("data", origin.data_sha256 or numbers.UNKNOWN),
        ("samples", splits or numbers.UNKNOWN),
        ("made with", ", ".join(f"{name} {version}" for name, version in origin.tools.items())),
    )
    return _pairs("Origin", rows)


def _input(preprocess: Preprocess | None) -> str:
    if preprocess is None:
        return "tensors, as the model takes them"
    crop = "" if preprocess.crop == 1 else f", central {numbers.percent(preprocess.crop)}"
    size = f"{preprocess.height} x {preprocess.width} {preprocess.order}"
    return f"{size}, {preprocess.fit}{crop}, {preprocess.interpolation}"


def _thresholds(manifest: Described) -> str:
    pairs = zip(manifest.classes, manifest.thresholds, strict=True)
    return ", ".join(f"{label} above {numbers.percent(threshold)}" for label, threshold in pairs)


def _limits(gates: Gates | TargetGates) -> str:
    values: dict[str, Any] = msgspec.to_builtins(gates)
    known = {name: value for name, value in values.items() if value is not None and name != "target"}
    return ", ".join(f"{name} {value:g}" for name, value in known.items()) or "none"


def _pairs(title: str, rows: tuple[tuple[str, str], ...]) -> Table:
    return Table(title, (Column("What"), Column("Value")), rows)
