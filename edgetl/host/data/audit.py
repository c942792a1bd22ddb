"""Whether a data set is sound, before any work is spent on it."""

from __future__ import annotations

import errno
import hashlib
import json
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import PIL
from PIL import UnidentifiedImageError

from edgetl.errors import DataError
from edgetl.files import replacing
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.groups import merge_groups
from edgetl.host.data.parallel import ordered_map
from edgetl.preprocess import decode
from edgetl.progress import Progress

_SCHEMA = "edgetl.audit/1"
_LISTED = 10


@dataclass(frozen=True)
class Audit:
    """How strict an audit is, and with what it works."""

    min_per_class: int
    skip_bad: bool
    """Leave unreadable images out instead of refusing."""
    threads: int
    cache: Path | None = None
    """A file of content hashes that are known to decode, so that a second audit only hashes; read when it exists and
    written again. A damaged one, or one of another Pillow, is not used."""


@dataclass(frozen=True)
class Audited:
    """A sound data set: every sample hashed and readable, identical pictures in one group."""

    dataset: Dataset
    skipped: tuple[tuple[str, str], ...]
    """Name and reason of every unreadable image that was left out."""


@dataclass(frozen=True)
class _Looked:
    sha256: str
    problem: str | None


def audit(dataset: Dataset, how: Audit, progress: Progress) -> Audited:
    """Hash and fully decode every image, and refuse what would spoil training or its numbers.

    Raises:
        DataError: unreadable images (unless ``skip_bad``), a class with fewer than ``min_per_class`` images, one
            picture under two labels, one picture or group in two given splits, or class names that cannot be told
            apart or printed.
    """
    _check_names(dataset.classes, progress)
    known = _read_cache(how.cache)
    looked = _look(dataset.samples, known, how.threads, progress)
    skipped = tuple(
        (sample.name, result.problem)
        for sample, result in zip(dataset.samples, looked, strict=True)
        if result.problem is not None
    )
    if skipped and not how.skip_bad:
        raise DataError(_unreadable(skipped))
    for name, reason in skipped:
        progress.note(f"left out {name}: {reason}")
    samples = tuple(
        replace(sample, sha256=result.sha256)
        for sample, result in zip(dataset.samples, looked, strict=True)
        if result.problem is None
    )
    _write_cache(how.cache, known | {sample.sha256 for sample in samples}, known)
    _check_counts(samples, dataset.classes, how.min_per_class)
    _check_labels(samples, dataset.classes)
    repeated = len(samples) - len({sample.sha256 for sample in samples})
    if repeated:
        progress.note(f"{repeated} of {len(samples)} images repeat another one; repeats stay in one split")
    return Audited(Dataset(dataset.classes, merge_groups(samples)), skipped)


def _look(samples: tuple[Sample, ...], known: frozenset[str], threads: int, progress: Progress) -> list[_Looked]:
    def look(sample: Sample) -> _Looked:
        try:
            data = sample.image if isinstance(sample.image, bytes) else _content(sample.image)
        except OSError as error:
            return _Looked("", f"cannot be opened ({error.strerror})")
        sha256 = hashlib.sha256(data).hexdigest()
        if sha256 not in known:
            try:
                decode(data)
            except DataError as error:
                return _Looked(sha256, _reason(error))
        return _Looked(sha256, None)

    looked = []
    with progress.stage("audit", len(samples)) as step:
        for result in ordered_map(look, samples, threads):
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


def _unreadable(skipped: tuple[tuple[str, str], ...]) -> str:
    shown = "".join(f"\n  {name}: {reason}" for name, reason in skipped[:_LISTED])
    rest = f"\n  and {len(skipped) - _LISTED} more" if len(skipped) > _LISTED else ""
    return (
        f"{len(skipped)} image{'s' if len(skipped) > 1 else ''} cannot be read; repair or remove them, "
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
            progress.note(f"classes {other!r} and {name!r} differ only in case; if they are one, merge them")


def _check_counts(samples: tuple[Sample, ...], classes: tuple[str, ...], min_per_class: int) -> None:
    counts = Counter(sample.label for sample in samples)
    few = [f"{name!r} ({counts[label]})" for label, name in enumerate(classes) if counts[label] < min_per_class]
    if few:
        raise DataError(
            f"too few readable images in {'classes' if len(few) > 1 else 'class'} {', '.join(few)}, expected at least "
            f"{min_per_class} in each; add images, drop the class, or lower min_per_class in [data]"
        )


def _check_labels(samples: tuple[Sample, ...], classes: tuple[str, ...]) -> None:
    first: dict[str, Sample] = {}
    conflicts = [
        (before, sample)
        for sample in samples
        if (before := first.setdefault(sample.sha256, sample)).label != sample.label
    ]
    if conflicts:
        shown = "".join(
            f"\n  {before.name} is {classes[before.label]!r}, {sample.name} is {classes[sample.label]!r}"
            for before, sample in conflicts[:_LISTED]
        )
        raise DataError(
            f"{len(conflicts)} picture{'s have' if len(conflicts) > 1 else ' has'} two labels; keep one of each:{shown}"
        )


def _read_cache(cache: Path | None) -> frozenset[str]:
    if cache is None:
        return frozenset()
    try:
        document = json.loads(cache.read_bytes())
        if document["schema"] != _SCHEMA or document["pillow"] != PIL.__version__:
            return frozenset()
        return frozenset(str(sha256) for sha256 in document["decoded"])
    except (OSError, ValueError, TypeError, KeyError):
        return frozenset()


def _write_cache(cache: Path | None, decoded: frozenset[str] | set[str], before: frozenset[str]) -> None:
    if cache is None or decoded == before:
        return
    cache.parent.mkdir(parents=True, exist_ok=True)
    document = {"schema": _SCHEMA, "pillow": PIL.__version__, "decoded": sorted(decoded)}
    with replacing(cache) as file:
        file.write(json.dumps(document).encode())
