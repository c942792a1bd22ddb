"""Whether a data set is sound, before any work is spent on it."""

from __future__ import annotations

import errno
import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from PIL import UnidentifiedImageError

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.facts import ImageFacts, look, read_facts, write_facts
from edgetl.host.data.groups import merge_groups
from edgetl.host.data.labels import class_counts, in_words
from edgetl.host.data.near import NearDuplicates, near_duplicates
from edgetl.host.data.parallel import ordered_map
from edgetl.progress import Progress

_LISTED = 10


@dataclass(frozen=True)
class Audit:
    """How strict an audit is, and with what it works."""

    min_per_class: int
    skip_bad: bool
    """Leave unreadable images out instead of refusing."""
    threads: int
    cache: Path | None = None
    """A file of what is known of images by content hash, so that a second audit only hashes; read when it exists and
    written again. A damaged one, or one of another Pillow, is not used."""
    group_near: bool = False
    """Put images that look alike into one group, so that they stay in one split."""


@dataclass(frozen=True)
class Audited:
    """A sound data set: every sample hashed and readable, identical pictures in one group."""

    dataset: Dataset
    skipped: tuple[tuple[str, str], ...]
    """Name and reason of every image that was left out: by the source, or because it cannot be read."""
    facts: tuple[ImageFacts, ...]
    """Of every sample, in order."""
    near: NearDuplicates = field(compare=False)
    """Which samples look alike, by their places; follows from the facts."""

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """What was skipped, without folders, which tell about the machine."""
        return [(PurePath(name).name, reason) for name, reason in self.skipped]


@dataclass(frozen=True, slots=True)
class _Looked:
    sha256: str
    facts: ImageFacts | None
    problem: str = ""


def audit(dataset: Dataset, how: Audit, progress: Progress) -> Audited:
    """Hash and fully decode every image, and refuse what would spoil training or its numbers.

    Raises:
        DataError: unreadable images (unless ``skip_bad``), a class with fewer than ``min_per_class`` images, one
            picture under two labels, one picture or group in two given splits, or class names that cannot be told
            apart or printed.
    """
    check_classes(dataset, progress)
    known = read_facts(how.cache)
    looked = _look(dataset.samples, known, how.threads, progress)
    skipped = tuple(
        (sample.name, result.problem)
        for sample, result in zip(dataset.samples, looked, strict=True)
        if result.facts is None
    )
    if skipped and not how.skip_bad:
        raise DataError(unreadable(skipped, "image"))
    note_skipped(skipped, len(looked), "image", progress)
    samples = tuple(
        replace(sample, sha256=result.sha256)
        for sample, result in zip(dataset.samples, looked, strict=True)
        if result.facts is not None
    )
    facts = tuple(result.facts for result in looked if result.facts is not None)
    _remember(how.cache, known, {sample.sha256: fact for sample, fact in zip(samples, facts, strict=True)})
    check_samples(samples, dataset.classes, how.min_per_class, "image", progress)
    with progress.stage("search for near-duplicates"):
        near = near_duplicates([fact.fingerprint for fact in facts])
    merged = merge_groups(samples, near.links() if how.group_near else ())
    return Audited(replace(dataset, samples=merged), (*dataset.left_out, *skipped), facts, near)


def check_classes(dataset: Dataset, progress: Progress) -> None:
    """Pass on what the source noted, and refuse names of classes; no sample is looked at.

    Raises:
        DataError: names that cannot be told apart or printed.
    """
    for note in dataset.notes:
        progress.warn(note)
    _check_names(dataset.classes, progress)


def note_skipped(skipped: tuple[tuple[str, str], ...], count: int, noun: str, progress: Progress) -> None:
    """Say which of ``count`` samples are left out because they cannot be read; ``noun`` is what one is called."""
    for name, reason in skipped:
        progress.note(f"left out {name}: {reason}")
    if skipped:
        progress.warn(f"{len(skipped)} of {count} {noun}s cannot be read and are left out, as skip_bad says")


def check_samples(
    samples: tuple[Sample, ...], classes: tuple[str, ...], min_per_class: int, noun: str, progress: Progress
) -> None:
    """Refuse labels that readable samples cannot be learnt or judged by, and say how many samples repeat others.

    Args:
        noun: what one of them is called.

    Raises:
        DataError: a class with fewer than ``min_per_class``, or the same content under two labels.
    """
    _check_counts(samples, classes, min_per_class, noun)
    _check_labels(samples, classes, noun)
    repeated = len(samples) - len({sample.sha256 for sample in samples})
    if repeated:
        progress.warn(f"{repeated} of {len(samples)} {noun}s repeat another one; repeats stay in one split")


def _look(
    samples: tuple[Sample, ...], known: Mapping[str, ImageFacts], threads: int, progress: Progress
) -> list[_Looked]:
    def examine(sample: Sample) -> _Looked:
        try:
            data = sample.image if isinstance(sample.image, bytes) else _content(sample.image)
        except OSError as error:
            return _Looked("", None, f"cannot be opened ({error.strerror})")
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            return _Looked(sha256, known.get(sha256) or look(data))
        except DataError as error:
            return _Looked(sha256, None, _reason(error))

    looked = []
    with progress.stage("audit", len(samples)) as step:
        for result in ordered_map(examine, samples, threads):
            looked.append(result)
            step.advance()
    return looked


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # reading a pipe or a device may never end
        raise OSError(errno.EINVAL, "not a regular file")
    return path.read_bytes()


def _reason(error: DataError) -> str:
    """Why an image cannot be decoded, in words that are the same in every run."""
    if isinstance(error.__cause__, UnidentifiedImageError):
        return "not an image of a format that Pillow reads"
    return str(error.__cause__ or error)


def unreadable(skipped: tuple[tuple[str, str], ...], what: str) -> str:
    """What to do about files that cannot be read, each with its reason; ``what`` they are, one of them."""
    shown = "".join(f"\n  {name}: {reason}" for name, reason in skipped[:_LISTED])
    rest = f"\n  and {len(skipped) - _LISTED} more" if len(skipped) > _LISTED else ""
    return (
        f"{len(skipped)} {what}{'s' if len(skipped) > 1 else ''} cannot be read; repair or remove them, "
        f"or set skip_bad = true in [data] to leave them out:{shown}{rest}"
    )


def _check_names(classes: tuple[str, ...], progress: Progress) -> None:
    alike: dict[str, str] = {}
    for name in classes:
        if not name.isprintable() or not name.strip():
            raise DataError(f"class {name!r} must be one line of printable UTF-8 text; rename it")
        other = alike.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        if unicodedata.normalize("NFC", other) == unicodedata.normalize("NFC", name) and other != name:
            raise DataError(
                f"classes {other!a} and {name!a} look the same and differ only in how Unicode spells them; "
                "merge or rename them"
            )
        if other != name:
            progress.warn(f"classes {other!r} and {name!r} differ only in case; if they are one, merge them")


def _check_counts(samples: tuple[Sample, ...], classes: tuple[str, ...], min_per_class: int, noun: str) -> None:
    counts = class_counts(samples)
    few = [f"{name!r} ({counts[label]})" for label, name in enumerate(classes) if counts[label] < min_per_class]
    if few:
        nouns = f"{noun}s"
        raise DataError(
            f"too few readable {nouns} in {'classes' if len(few) > 1 else 'class'} {', '.join(few)}, expected at least "
            f"{min_per_class} in each; add {nouns}, drop the class, or lower min_per_class in [data]"
        )


def _check_labels(samples: tuple[Sample, ...], classes: tuple[str, ...], noun: str) -> None:
    first: dict[str, Sample] = {}
    conflicts = [
        (before, sample)
        for sample in samples
        if (before := first.setdefault(sample.sha256, sample)).truth != sample.truth
    ]
    if conflicts:
        shown = "".join(
            f"\n  {before.name} is {in_words(before.truth, classes)!r}, "
            f"{sample.name} is {in_words(sample.truth, classes)!r}"
            for before, sample in conflicts[:_LISTED]
        )
        raise DataError(
            f"{len(conflicts)} {noun}{'s have' if len(conflicts) > 1 else ' has'} two labels; keep one of each:{shown}"
        )


def _remember(cache: Path | None, known: Mapping[str, ImageFacts], seen: Mapping[str, ImageFacts]) -> None:
    if cache is not None and not seen.keys() <= known.keys():
        write_facts(cache, {**known, **seen})
