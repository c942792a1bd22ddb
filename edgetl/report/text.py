"""Whole reports: of a deployment, and of a qualify or bench run alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from edgetl.candidate import Variant
from edgetl.evaluation import Evaluation
from edgetl.report import numbers
from edgetl.report.accuracy import accuracy_table, checks_table, selection_table
from edgetl.report.candidates import candidates_table, fastest_float, p50_ns, start_table
from edgetl.report.decisions import decisions_table, outputs_table
from edgetl.report.minutes import minutes_table
from edgetl.report.page import Column, Page, Table
from edgetl.report.trust import doubts_table, timing_sentence
from edgetl.report.verdicts import end_to_end_table
from edgetl.result import CandidateResult, Result

_X86 = frozenset({"openvino", "x86", "x86-vnni"})
"""Renderings for CPUs with such flags; of graphs for others these say nothing to anybody."""


class Subject(Protocol):
    """What a report needs to know of a bundle; its manifest fits."""

    @property
    def name(self) -> str:
        """Name of the bundle."""

    @property
    def version(self) -> int:
        """Version of the bundle."""

    @property
    def variants(self) -> Sequence[Variant]:
        """Its graphs."""

    @property
    def evaluations(self) -> Sequence[Evaluation]:
        """What the host measured of each."""


def summary(
    subject: Subject,
    result: Result,
    files: Sequence[tuple[str, Path]] = (),
    skipped: Sequence[tuple[str, str]] = (),
    remarks: Sequence[str] = (),
) -> Page:
    """What a deploy run found, for a terminal.

    Args:
        subject: the manifest of the bundle.
        result: what this machine found.
        files: what each written file is, and where it lies.
        skipped: images left out, each with the reason.
        remarks: those of the preparation.
    """
    return _page(
        f"{subject.name}, version {subject.version}",
        (*verdict(result), *notes(remarks)),
        accuracy_table(subject.evaluations, headline_only=True),
        decisions_table(subject.evaluations),
        outputs_table(subject.evaluations),
        sizes_table(subject.variants),
        candidates_table(result),
        doubts_table(result),
        skipped_table(skipped),
        files_table(files),
    )


def qualification(result: Result) -> Page:
    """The report of a qualify run."""
    version = "" if result.bundle.version is None else f", version {result.bundle.version},"
    costs = (end_to_end_table(result), start_table(result), minutes_table(result))
    tables = (candidates_table(result), *costs, *_failed_checks(result), doubts_table(result))
    return _page(f"{result.bundle.name}{version} on {result.target}", verdict(result), *tables)


def preparation(
    subject: Subject,
    files: Sequence[tuple[str, Path]] = (),
    skipped: Sequence[tuple[str, str]] = (),
    remarks: Sequence[str] = (),
) -> Page:
    """The report of a prepare run."""
    return _page(
        f"{subject.name}, version {subject.version}",
        notes(remarks),
        accuracy_table(subject.evaluations, headline_only=True),
        selection_table(subject.evaluations),
        decisions_table(subject.evaluations),
        outputs_table(subject.evaluations),
        sizes_table(subject.variants),
        skipped_table(skipped),
        files_table(files),
    )


def verdict(result: Result) -> tuple[str, ...]:
    """What was decided, on what machine, whether its timing may be believed, and what was not judged."""
    timing = timing_sentence(result)
    circumstances = (machine_sentence(result), *([] if timing is None else [timing]), *notes(result.remarks))
    if result.selected is None:
        missed = "FAILED: no candidate passed every check, so this bundle must not run on this machine."
        return (missed, *circumstances)
    chosen = result.candidate(result.selected)
    sentence = f"{chosen.name} is the fastest candidate that passed every check{_gain(chosen, result)}."
    return (f"{'Passed' if result.passed else 'FAILED'}: {sentence}", *circumstances)


def sizes_table(variants: Sequence[Variant]) -> Table:
    """What each graph weighs, which CPUs an int8 one is proven for, and what versions of its runtimes refuse of it."""
    columns = (
        Column("Variant"),
        Column("Rendering"),
        Column("Precision"),
        Column("File", "right"),
        Column("Work per sample", "right"),
    )
    proven = tuple(
        f"{variant.name}: int8 proven for: {', '.join(variant.artifact.proven_isa)}"
        for variant in variants
        if variant.artifact.rendering in _X86 and variant.artifact.proven_isa
    )
    told = tuple(f"{variant.name}: {remark}." for variant in variants for remark in variant.artifact.remarks)
    return Table("Model files", columns, tuple(_size_row(variant) for variant in variants), (*proven, *told))


def notes(remarks: Sequence[str]) -> tuple[str, ...]:
    """Remarks as sentences."""
    return tuple(f"Note: {remark}." for remark in remarks)


def skipped_table(skipped: Sequence[tuple[str, str]]) -> Table:
    """Samples that were not used, with the reason."""
    return Table("Left out", (Column("Sample"), Column("Why")), tuple(skipped))


def files_page(title: str, files: Sequence[tuple[str, Path]]) -> Page:
    """Only what was written."""
    return Page(title, tables=(files_table(files),))


def files_table(files: Sequence[tuple[str, Path]]) -> Table:
    """What was written, and where."""
    return Table("Files", (Column("What"), Column("Where")), tuple((what, str(path)) for what, path in files))


def _page(title: str, sentences: tuple[str, ...], *tables: Table) -> Page:
    return Page(title, sentences, tuple(table for table in tables if table.rows))


def machine_sentence(result: Result) -> str:
    """On which CPU, and how thoroughly."""
    return f"Measured on {result.environment.cpu.model}, effort {result.effort}."


def _gain(chosen: CandidateResult, result: Result) -> str:
    baseline, fast = fastest_float(result), p50_ns(chosen)
    slow = p50_ns(baseline) if baseline else None
    if baseline is None or baseline.name == chosen.name or not fast or not slow:
        return ""
    return f", {numbers.ratio(slow / fast)} as fast as float ({baseline.name})"


def _size_row(variant: Variant) -> tuple[str, ...]:
    artifact = variant.artifact
    return (
        variant.name,
        artifact.rendering,
        artifact.precision,
        numbers.megabytes(artifact.size_bytes),
        numbers.UNKNOWN if artifact.operations is None else numbers.operations(artifact.operations),
    )


def _failed_checks(result: Result) -> tuple[Table, ...]:
    failed = ((c.name, tuple(check for check in c.checks if not check.passed)) for c in result.candidates)
    return tuple(checks_table(f"Checks that {name} failed", checks) for name, checks in failed if checks)
