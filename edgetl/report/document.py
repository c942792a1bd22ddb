"""A report for people who were not there: what was made, how well it does, how fast it is, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import msgspec

from edgetl.data_card import DataCard
from edgetl.evaluation import Evaluation
from edgetl.explanation import Explanation
from edgetl.report import numbers
from edgetl.report.accuracy import accuracy_table, checks_table, classes_table, selection_table
from edgetl.report.candidates import only_timed, start_table
from edgetl.report.comparison import side_by_side_table
from edgetl.report.contents import Described, facts_table, origin_table
from edgetl.report.data_card import data_card_tables, data_card_warnings
from edgetl.report.decisions import decisions_tables
from edgetl.report.energy import energy_table
from edgetl.report.explanation.layers import layer_blocks
from edgetl.report.facts import data_table, limits_table, method_table, settings_table
from edgetl.report.ladder import ladder_tables, ladders_from
from edgetl.report.load import measured_sentence
from edgetl.report.machine import machine_table, software_table
from edgetl.report.minutes import minutes_table
from edgetl.report.page import Table
from edgetl.report.pictures.accuracy import accuracy_picture
from edgetl.report.pictures.confusion import confusion_picture
from edgetl.report.pictures.curve import training_picture
from edgetl.report.pictures.latency import latency_picture
from edgetl.report.pictures.svg import Picture
from edgetl.report.text import sizes_table, skipped_table, verdict
from edgetl.report.training import epochs_from, in_words, kept_from
from edgetl.report.trust import doubts_table, timing_sentence, unranked
from edgetl.report.verdicts import end_to_end_table, load_table, verdicts_table
from edgetl.result import Result

Block: TypeAlias = "str | Table | Picture"
"""A sentence, a table, or a picture."""


@dataclass(frozen=True)
class Section:
    """What stands below one heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Chapter:
    """All about one bundle."""

    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Subject:
    """A bundle as far as it is known, and what was measured of it."""

    sha256: str
    manifest: Described | None
    """``None`` when only results of it were given."""
    results: tuple[Result, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    """Images left out, each with the reason, where more is known than the manifest says."""
    explanations: tuple[Explanation, ...] = ()
    """Of graphs that its manifest tells the search for."""


def in_short(result: Result, suffix: str) -> Sequence[Section]:
    """The sections about one result; ``suffix`` tells several results apart."""
    name = f"latency{suffix.replace(' ', '-')}.svg"
    candidates = (verdicts_table(result), side_by_side_table(result), load_table(result), minutes_table(result))
    costs = [end_to_end_table(result), start_table(result)]
    costs += [energy_table(result)] if any(one.energy is not None for one in result.candidates) else []
    checks = [
        checks_table(f"{one.name}: {'rejected' if one.rejected_because else 'passed'}", one.checks)
        for one in result.candidates
    ]
    machine = (machine_table(result.environment), software_table(result.environment))
    return [
        Section(f"Candidates{suffix}", present(measured_sentence(result), latency_picture(result, name), *candidates)),
        Section(f"Trust{suffix}", present(doubts_table(result))),
        Section(f"Other costs{suffix}", present(*costs)),
        Section(f"Checks on the device{suffix}", present(*checks)),
        Section(f"The device{suffix}", present(*machine)),
    ]


def report(
    subjects: Sequence[Subject], measured: Callable[[Result, str], Sequence[Section]] = in_short
) -> tuple[Chapter, ...]:
    """A chapter for each subject; the names of all pictures differ.

    Args:
        subjects: bundles and their results.
        measured: the sections about one result, given a suffix that tells several apart.
    """
    chapters = _told_apart(subjects, tuple(_chapter(subject, measured) for subject in subjects))
    return (
        tuple(_renamed(chapter, f"{place}-") for place, chapter in enumerate(chapters, 1))
        if len(chapters) > 1
        else chapters
    )


def pictures(chapters: Sequence[Chapter]) -> tuple[Picture, ...]:
    """Every picture of a report."""
    blocks = (block for chapter in chapters for section in chapter.sections for block in section.blocks)
    return tuple(block for block in blocks if isinstance(block, Picture))


def present(*blocks: Block | None) -> tuple[Block, ...]:
    """Only what there is: no empty table."""
    return tuple(block for block in blocks if block is not None and not (isinstance(block, Table) and not block.rows))


def _chapter(subject: Subject, measured: Callable[[Result, str], Sequence[Section]]) -> Chapter:
    manifest = subject.manifest
    sections: list[Section] = []
    if manifest is not None:
        sections += [_training(manifest), *_accuracy(manifest, subject)]
    for place, result in enumerate(subject.results, 1):
        sections += measured(result, "" if len(subject.results) == 1 else f" {place}")
    if manifest is not None:
        sections += [_gates(manifest), _data(manifest, subject.skipped), _made(manifest, subject.sha256)]
    else:
        sections.append(Section("What was measured", (f"The file with sha256 {subject.sha256}.",)))
    return Chapter(_title(subject), _summary(subject), tuple(section for section in sections if section.blocks))


def _told_apart(subjects: Sequence[Subject], chapters: tuple[Chapter, ...]) -> tuple[Chapter, ...]:
    """Chapters about files of one name with a part of their hashes in the title."""
    times = Counter(chapter.title for chapter in chapters)
    return tuple(
        replace(one, title=f"{one.title} (sha256 {numbers.short_hash(subject.sha256)})")
        if times[one.title] > 1
        else one
        for subject, one in zip(subjects, chapters, strict=True)
    )


def _title(subject: Subject) -> str:
    if subject.manifest is not None:
        return f"{subject.manifest.name}, version {subject.manifest.version}"
    bundle = subject.results[0].bundle
    return bundle.name if bundle.version is None else f"{bundle.name}, version {bundle.version}"


def _summary(subject: Subject) -> tuple[str, ...]:
    if not subject.results:
        return ("No result of a device was given, so this says what the host measured; edgetl qualify makes one.",)
    several = len(subject.results) > 1
    sentences = []
    for place, result in enumerate(subject.results, 1):
        if several:
            sentences.append(f"Result {place}, begun {result.started_utc or 'at a time that it does not tell'}:")
        sentences += _sentences(result)
    if subject.manifest is None and not all(only_timed(result) for result in subject.results):
        sentences.append("The bundle was not given, so nothing is said of how it was made.")
    return tuple(sentences)


def _sentences(result: Result) -> tuple[str, ...]:
    if only_timed(result):
        timing = timing_sentence(result)
        sentence = f"Only timed, no output was judged; on {result.environment.cpu.model}, effort {result.effort}."
        return (sentence, *([] if timing is None else [timing]), *unranked(result))
    return verdict(result)


def _training(manifest: Described) -> Section:
    notes = manifest.provenance.notes
    epochs = epochs_from(notes)
    return Section("Training", present(training_picture(epochs), *in_words(epochs, kept_from(notes))))


def _accuracy(manifest: Described, subject: Subject) -> list[Section]:
    evaluations = manifest.evaluations
    tables = (accuracy_table(evaluations), selection_table(evaluations))
    sections = [
        Section("Accuracy", present(accuracy_picture(evaluations), *tables)),
        Section("Decisions", present(*decisions_tables(evaluations))),
        Section("Quantization", present(*ladder_tables(ladders_from(manifest.provenance.notes)))),
        *(Section(f"Layer by layer ({one.rendering})", present(*layer_blocks(one))) for one in subject.explanations),
    ]
    shown = _evaluation_of_chosen(evaluations, subject.results)
    if shown is not None and shown.test is not None:
        confusion, classes = confusion_picture(shown.variant, shown.test), classes_table(shown.test)
        of = f"Of {shown.variant} on the test split."
        blocks = present(confusion, replace(classes, title="Each class"))
        sections.append(Section("Classes", (of, *blocks) if blocks else ()))
    return sections


def _evaluation_of_chosen(evaluations: Sequence[Evaluation], results: Sequence[Result]) -> Evaluation | None:
    """That of the variant the first device chose; without one, the first."""
    chosen = {result.candidate(result.selected).variant for result in results[:1] if result.selected}
    return next((one for one in evaluations if one.variant in chosen), evaluations[0] if evaluations else None)


def _gates(manifest: Described) -> Section:
    checks = [checks_table(f"{one.variant} on the host", one.every_check) for one in manifest.evaluations]
    return Section("Gates", present(limits_table(manifest.gates), *checks))


def _data(manifest: Described, skipped: tuple[tuple[str, str], ...]) -> Section:
    left_out = skipped or _skipped(manifest)
    card = _card(manifest)
    about: tuple[Block, ...] = () if card is None else (*data_card_warnings(card), *data_card_tables(card))
    return Section("Data", present(data_table(manifest), *about, skipped_table(left_out)))


def _card(manifest: Described) -> DataCard | None:
    """The data card in a bundle; ``None`` where there is none, or one of another version."""
    try:
        return msgspec.convert(manifest.provenance.notes.get("data"), DataCard)
    except msgspec.ValidationError:
        return None


def _skipped(manifest: Described) -> tuple[tuple[str, str], ...]:
    found = manifest.provenance.notes.get("skipped")
    pairs = found if isinstance(found, list) else []
    return tuple((str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2)


def _made(manifest: Described, sha256: str) -> Section:
    return Section(
        "How it was made",
        present(
            facts_table(manifest, sha256),
            origin_table(manifest.provenance),
            sizes_table(manifest.variants),
            settings_table(manifest.provenance.notes),
            method_table(manifest.provenance.notes),
        ),
    )


def _renamed(chapter: Chapter, prefix: str) -> Chapter:
    def with_prefix(block: Block) -> Block:
        return replace(block, name=prefix + block.name) if isinstance(block, Picture) else block

    sections = (replace(section, blocks=tuple(map(with_prefix, section.blocks))) for section in chapter.sections)
    return replace(chapter, sections=tuple(sections))
