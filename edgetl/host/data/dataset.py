"""Labelled images as values; pixels stay where they are until they are streamed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Sample:
    """One labelled image. ``image`` is a file, or the encoded bytes of one."""

    image: Path | bytes
    label: int
    group: str | None = None
    """Samples of one group (the same part, the same day) never fall into different splits."""
    split: SplitName | None = None
    """Given by the source; all samples of a data set say one, or none does."""
    weight: float = 1.0
    """How much the sample counts in training; metrics ignore it."""
    sha256: str = ""
    """Of the encoded image; filled in by the audit."""

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

    @property
    def sha256(self) -> str:
        """Hash of the classes and of every sample's content, label, group, split and weight, in order."""
        digest = hashlib.sha256(repr(self.classes).encode())
        for sample in self.samples:
            digest.update(repr((sample.sha256, sample.label, sample.group, sample.split, sample.weight)).encode())
        return digest.hexdigest()
