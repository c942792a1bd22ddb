"""The data card of an audited and divided data set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import PurePath

import msgspec
import numpy as np

from edgetl.data_card import SCHEMA, Brightness, DataCard, NearFacts, NearPair, Spread
from edgetl.errors import DataError
from edgetl.host.data.audit import Audited
from edgetl.host.data.near import MAX_DISTANCE, Ints
from edgetl.host.data.splits import Splits
from edgetl.progress import Progress

SPLITS = ("train", "validation", "test")
IMBALANCE = 3.0
"""Above it, a class counts as rare."""
DARK = 20.0
"""Mean grey level below which an image counts as very dark."""
_EXAMPLES = 10
_CLOSEST = 3


def data_card(audited: Audited, splits: Splits, input_size: tuple[int, int] | None = None) -> DataCard:
    """Describe a data set; nothing is read again.

    Args:
        input_size: height and width of the model's input, to warn about smaller images.
    """
    part = _parts(audited, splits)
    facts = audited.facts
    samples = audited.dataset.samples
    sizes = np.array([(fact.width, fact.height) for fact in facts], np.float64).reshape(-1, 2)
    card = DataCard(
        schema=SCHEMA,
        classes=audited.dataset.classes,
        splits={name: tuple(counts) for name, counts in splits.counts.items()},
        imbalance=_imbalance(splits),
        skipped=len(audited.skipped),
        repeats=len(samples) - len({sample.sha256 for sample in samples}),
        brightness=_brightness(audited),
        widths=_spread(sizes[:, 0]),
        heights=_spread(sizes[:, 1]),
        aspects=_spread(sizes[:, 0] / sizes[:, 1]),
        formats=_counted([fact.format for fact in facts]),
        modes=_counted([fact.mode for fact in facts]),
        near_duplicates=_near(audited, part),
        domains=_domains(audited, part),
        warnings=(),
    )
    return msgspec.structs.replace(card, warnings=_warnings(card, sizes, input_size))


def check_near_duplicates(audited: Audited, splits: Splits, refuse: bool, progress: Progress) -> None:
    """Say, or refuse, that images of different splits look alike.

    Raises:
        DataError: some do and ``refuse`` is set; names the nearest.
    """
    part = _parts(audited, splits)
    count = int(audited.near.across(part).sum())
    if not count:
        return
    samples = audited.dataset.samples
    shown = "".join(
        f"\n  {samples[one].name} ({SPLITS[part[one]]}) and {samples[other].name} ({SPLITS[part[other]]}), "
        f"{distance} of 64 bits apart"
        for one, other, distance in audited.near.examples(part, _EXAMPLES if refuse else _CLOSEST)
    )
    found = (
        f"{count} of {len(samples)} images look like one of another split, so that measured accuracy may be too high"
    )
    hint = 'set near_duplicates = "group" in [data] to keep images that look alike in one split'
    if refuse:
        raise DataError(f"{found}; remove repeats, or {hint}:{shown}")
    progress.warn(f"{found}; look at these, and if they show the same thing, {hint}:{shown}")


def _parts(audited: Audited, splits: Splits) -> Ints:
    """The split of each audited sample, as its place in ``SPLITS``; what is in neither of the open ones is in test."""
    place = {sample.sha256: 0 for sample in splits.train} | {sample.sha256: 1 for sample in splits.validation}
    return np.array([place.get(sample.sha256, 2) for sample in audited.dataset.samples], np.int64)


def _imbalance(splits: Splits) -> float | None:
    counts = np.sum(list(splits.counts.values()), axis=0)
    return None if len(counts) < 2 else round(float(counts.max() / max(counts.min(), 1)), 3)


def _brightness(audited: Audited) -> Brightness:
    means = np.array([fact.brightness for fact in audited.facts])
    contrasts = np.array([fact.contrast for fact in audited.facts])
    return Brightness(
        mean=round(float(means.mean()), 2),
        std=round(float(means.std()), 2),
        contrast=round(float(contrasts.mean()), 2),
        very_dark=int((means < DARK).sum()),
    )


def _spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Spread:
    return Spread(*(round(float(value), 3) for value in (values.min(), np.median(values), values.max())))


def _counted(values: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _near(audited: Audited, part: Ints) -> NearFacts:
    samples, near = audited.dataset.samples, audited.near
    alike = near.across(part)
    kinds = {truth: place for place, truth in enumerate(dict.fromkeys(sample.truth for sample in samples))}
    labels = np.array([kinds[sample.truth] for sample in samples], np.int64)
    examples = tuple(
        NearPair(_shown(samples[a].name), SPLITS[part[a]], _shown(samples[b].name), SPLITS[part[b]], distance)
        for a, b, distance in near.examples(part, _EXAMPLES)
    )
    return NearFacts(
        max_distance=MAX_DISTANCE,
        not_compared=int((near.node < 0).sum()),
        across={name: int((alike & (part == place)).sum()) for place, name in enumerate(SPLITS)},
        labels_differ=int(near.across(labels).sum()),
        examples=examples,
    )


def _shown(name: str) -> str:
    """Without folders, which tell about the machine."""
    return PurePath(name).name


def _domains(audited: Audited, part: Ints) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SPLITS, 0))
    for sample, place in zip(audited.dataset.samples, part.tolist(), strict=True):
        if sample.domain is not None:
            found[sample.domain][SPLITS[place]] += 1
    return dict(sorted(found.items()))


def _warnings(
    card: DataCard, sizes: np.ndarray[tuple[int, int], np.dtype[np.float64]], input_size: tuple[int, int] | None
) -> tuple[str, ...]:
    near, total = card.near_duplicates, len(sizes)
    height, width = input_size or (0, 0)
    counted = (
        (
            int(((sizes[:, 0] < width) | (sizes[:, 1] < height)).sum()),
            f"are smaller than the model's input ({height} x {width}) and are enlarged",
        ),
        (card.brightness.very_dark, f"are very dark (mean grey level below {DARK:.0f} of 255)"),
        (near.not_compared, "show no structure (one grey level all over)"),
        (sum(near.across.values()), "look like one of another split, so that measured accuracy may be too high"),
        (near.labels_differ, "look like one of another class; one of the labels may be wrong"),
    )
    untrained = (name for name, counts in card.domains.items() if not counts["train"])
    return (
        *_rare(card),
        *(f"{count} of {total} images {what}" for count, what in counted if count),
        *(f"domain {name!r} has no image in train, so that the model never sees it" for name in untrained),
    )


def _rare(card: DataCard) -> tuple[str, ...]:
    if card.imbalance is None or card.imbalance <= IMBALANCE:
        return ()
    counts = np.sum(list(card.splits.values()), axis=0)
    large, small = card.classes[int(counts.argmax())], card.classes[int(counts.argmin())]
    return (
        f"class {large!r} has {card.imbalance:.1f} times as many images as {small!r}: accuracy can be high while "
        f"{small!r} is often missed; look at balanced accuracy, and at the recall of each class",
    )
