"""Labelled images as values; pixels stay where they are until they are streamed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgetl.golden import Label

SplitName = Literal["train", "validation", "test"]
SEVERAL = (
    'images with several labels come from a function: source = "FILE.py:FUNCTION" in [data] and kind = "multilabel" '
    "in [task] (docs/recipe.md)"
)
"""What to do, for messages of sources that give one label to each image."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image. ``image`` is a file, or the encoded bytes of one."""

    image: Path | bytes
    label: int = -1
    """Its class; left out where ``labels`` says it."""
    group: str | None = None
    """Samples of one group (the same part, the same day) never fall into different splits."""
    split: SplitName | None = None
    """Given by the source; all samples of a data set say one, or none does."""
    weight: float = 1.0
    """How much the sample counts in training; metrics ignore it."""
    sha256: str = ""
    """Of the encoded image; filled in by the audit."""
    domain: str | None = None
    """Where it comes from (a camera, a factory), to tell apart in the data card; images of one domain may fall into
    different splits."""
    labels: tuple[int, ...] | None = None
    """All classes of a sample that may have several, or none: ``()`` says that it has none of them."""

    @property
    def truth(self) -> Label:
        """What is true of it: its class, or the tuple of all its classes."""
        return self.label if self.labels is None else self.labels

    @property
    def name(self) -> str:
        """For messages."""
        if isinstance(self.image, Path):
            # a name that is not UTF-8 can be opened, but neither printed nor put into JSON as it is
            return str(self.image).encode("utf-8", "backslashreplace").decode()
        return f"image {self.sha256[:12] or 'in memory'}"


@dataclass(frozen=True)
class Dataset:
    """Classes in label order, and samples in a fixed order."""

    classes: tuple[str, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    """What the source found worth saying; the audit passes it on."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Name and reason of every image that the source lists and does not use."""

    @property
    def sha256(self) -> str:
        """Hash of the classes and of every sample's content, labels, group, split, weight and domain, in order."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for sample in self.samples:
            values = (sample.sha256, sample.truth, sample.group, sample.split, sample.weight)
            digest.update(repr(values if sample.domain is None else (*values, sample.domain)).encode())
        return digest.hexdigest()


def described(samples: tuple[Sample, ...]) -> list[object]:
    """What fitting and judging depend on, of each sample (JSON-able): a part of cache keys."""
    return [[sample.sha256, sample.truth, sample.group, sample.weight] for sample in samples]
