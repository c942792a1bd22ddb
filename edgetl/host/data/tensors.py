"""Samples that are tensors already: read, checked, and told apart by what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from edgetl.device.sample_files import SUFFIX, read_sample
from edgetl.errors import DataError
from edgetl.host.data.audit import Audit, Audited, check_classes, check_samples, note_skipped, unreadable
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.host.data.groups import merge_groups
from edgetl.host.data.near import NearDuplicates
from edgetl.host.data.noise import looked_at
from edgetl.host.data.parallel import ordered_map
from edgetl.host.fingerprint import code_digest
from edgetl.progress import Progress
from edgetl.tensors import Batch, TensorSpec, feed_sha256, shapes_of

_LOOKED_AT = 32


def is_tensor(path: Path) -> bool:
    """Whether its name ends like that of a sample of tensors."""
    return path.suffix.lower() == SUFFIX and path.name[0] != "."


@dataclass(frozen=True)
class TensorReader:
    """``.npz`` files, one for each sample, with an array for every input."""

    specs: tuple[TensorSpec, ...]
    """Of the inputs, each with the batch first."""
    axes: Mapping[str, tuple[str, ...]]
    """What the model calls the sizes of each input; empty for those without a name."""
    preprocess: None = None
    noun: str = "samples"

    @property
    def identity(self) -> dict[str, object]:
        """The inputs, and the code."""
        return {"inputs": msgspec.to_builtins(self.specs), "code": code_digest("device/sample_files.py")}

    def read(self, sample: Sample) -> Batch:
        """Every input by name, with a batch of 1.

        Raises:
            DataError: it cannot be read, or is not what the model takes; names the sample.
        """
        feeds = read_sample(sample.image, self.specs)
        try:
            self._check_alike(feeds)
        except DataError as error:
            raise DataError(f"cannot use {sample.name!r} as a sample: {error}") from error
        return feeds

    def audit(self, dataset: Dataset, how: Audit, progress: Progress) -> Audited:
        """Read every sample, and hash what a model would be fed; near-duplicates are not searched for.

        Raises:
            DataError: some cannot be read (unless ``skip_bad``), or all; of labelled ones see
                :func:`~edgetl.host.data.audit.check_samples`.
        """
        is_labelled = len(dataset.classes) > 1
        if is_labelled:
            check_classes(dataset, progress)

        def examine(sample: Sample) -> Sample | str:
            try:
                return replace(sample, sha256=feed_sha256(self.read(sample)))
            except DataError as error:
                return str(error.__cause__ or error)

        looked = []
        with progress.stage("audit", len(dataset.samples)) as step:
            for result in ordered_map(examine, dataset.samples, how.threads):
                looked.append(result)
                step.advance()
        pairs = zip(dataset.samples, looked, strict=True)
        skipped = tuple((sample.name, result) for sample, result in pairs if isinstance(result, str))
        samples = tuple(result for result in looked if isinstance(result, Sample))
        if skipped and (not how.skip_bad or not samples):
            raise DataError(unreadable(skipped, "sample"))
        note_skipped(skipped, len(looked), "sample", progress)
        if is_labelled:
            check_samples(samples, dataset.classes, how.min_per_class, "sample", progress)
            samples = merge_groups(samples)
        alone = NearDuplicates(np.full(len(samples), -1), np.zeros((0, 2), np.int64), np.zeros(0, np.int64))
        return Audited(replace(dataset, samples=samples), (*dataset.left_out, *skipped), (), alone)

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse samples that each hold one value throughout; noise cannot be told from any other tensors.

        Raises:
            DataError: that holds for all of 32.
        """
        looked = [self.read(sample) for sample in looked_at(samples)]
        if looked and all(_is_blank(feeds) for feeds in looked):
            raise DataError(
                f"each of {len(looked)} samples holds one value throughout in every input; expected samples of the "
                "kind that the model is for, because such ones would give ranges of activations that fit no real sample"
            )

    def example(self, samples: Sequence[Sample], seed: int) -> Batch:
        """Of the first 32 the one of middle size."""
        feeds = sorted((self.read(sample) for sample in samples[:_LOOKED_AT]), key=_values)
        return feeds[len(feeds) // 2]

    def alike(self, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        """Those of the commonest shapes, the largest of equally common ones."""
        shapes = [tuple(shapes_of(self.read(sample)).values()) for sample in samples]
        counts = Counter(shapes)
        commonest = max(counts, key=lambda shape: (counts[shape], shape))
        return tuple(sample for sample, shape in zip(samples, shapes, strict=True) if shape == commonest)

    def _check_alike(self, feeds: Batch) -> None:
        """Refuse other sizes than that of the first input for what the model calls by one name."""
        first: dict[str, tuple[str, int]] = {}
        for name, array in feeds.items():
            for axis, size in zip(self.axes.get(name, ()), array.shape, strict=False):
                other, known = first.setdefault(axis, (name, size))
                if axis and known != size:
                    raise DataError(
                        f"the model calls it {axis!r} in several inputs, and {other!r} has {known} of it, {name!r} has "
                        f"{size}; expected as many in each; make them equal"
                    )


def _is_blank(feeds: Batch) -> bool:
    """Whether there is one value in each input; single numbers are no such inputs, and none is one without others."""
    several = [array for array in feeds.values() if array.size > 1]
    return bool(several) and all(np.all(array == array.flat[0]) for array in several)


def _values(feeds: Batch) -> int:
    return sum(array.size for array in feeds.values())
