"""What a data set is like, in numbers and in plain words."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA: Literal["edgetl.data-card/1"] = "edgetl.data-card/1"


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Smallest, middle and largest of a quantity over all images."""

    minimum: float
    median: float
    maximum: float


class Brightness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Grey levels from 0 to 255 (luma of ITU-R BT.601)."""

    mean: float
    """Of the images' means."""
    std: float
    """Between the images' means."""
    contrast: float
    """Mean of the standard deviations within the images."""
    very_dark: int
    """Images whose mean is below the limit that the warning names."""


class NearPair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two images that look alike and lie in different splits; files by their names only."""

    first: str
    first_split: str
    second: str
    second_split: str
    distance: int
    """Bits of 64 in which their perceptual hashes differ."""


class NearFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Images that look alike by a perceptual hash, which does not see through rotations, mirror images and crops."""

    max_distance: int
    """Bits of 64 up to which two images count as alike."""
    not_compared: int
    """Images without structure, such as black ones, which have no hash."""
    across: dict[str, int]
    """Images of each split that look like one of another split."""
    labels_differ: int
    """Images that look like one of another class."""
    examples: tuple[NearPair, ...]
    """The nearest ones."""


class DataCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data set after the audit and the division."""

    schema: Literal["edgetl.data-card/1"]
    classes: tuple[str, ...]
    splits: dict[str, tuple[int, ...]]
    """Images per class of each split."""
    imbalance: float | None
    """Images of the largest class for each of the smallest; ``None`` without labels."""
    skipped: int
    """Images that were left out: unreadable, or without a label."""
    repeats: int
    """Images whose file is that of another one, byte for byte; they are always in its split."""
    brightness: Brightness
    widths: Spread
    """Pixels, upright."""
    heights: Spread
    aspects: Spread
    """Width / height."""
    formats: dict[str, int]
    """Images per file format, as Pillow names it."""
    modes: dict[str, int]
    """Images per colour mode of the file, as Pillow names it."""
    near_duplicates: NearFacts
    domains: dict[str, dict[str, int]]
    """Images per split of each domain; empty when the source names none."""
    warnings: tuple[str, ...]
    """What to look at before trusting the numbers."""
