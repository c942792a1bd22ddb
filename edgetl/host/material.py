"""The data of a preparation: opened, checked, divided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgetl.device.tasks import DeviceTask
from edgetl.errors import DataError
from edgetl.host.cache import Cache
from edgetl.host.data.audit import Audit, Audited, audit
from edgetl.host.data.card import check_near_duplicates, data_card
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.kept import keep_images, keep_source
from edgetl.host.data.labels import in_words
from edgetl.host.data.reader import Reader
from edgetl.host.data.source import open_source
from edgetl.host.data.splits import Splits, split
from edgetl.host.data.tensors import is_tensor
from edgetl.host.fingerprint import measuring
from edgetl.host.request import PrepareRequest
from edgetl.plugins import find_task
from edgetl.progress import Progress


class HeldOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A test sample that nothing was chosen with."""

    path: str
    label: str


@dataclass(frozen=True)
class Material:
    """Checked data, divided."""

    audited: Audited
    splits: Splits

    @property
    def classes(self) -> tuple[str, ...]:
        """Names in label order."""
        return self.audited.dataset.classes

    @property
    def identity(self) -> list[object]:
        """What a bundle depends on, or tells, of the data: names of files that are skipped or look alike, too."""
        return [self.audited.dataset.sha256, self.audited.left_out, data_card(self.audited, self.splits)]


def load_material(request: PrepareRequest, progress: Progress) -> Material:
    """Open, check and divide the images of a recipe.

    Raises:
        InputError: an output would replace a file of the data.
        DataError: images or labels are not fit for use.
    """
    dataset = labelled(request)
    if are_tensors(dataset):
        raise DataError(
            f"the data are .npz files ({dataset.samples[0].name!r}), and a recipe's network takes images; only a "
            "trained model of your own (edgetl prepare --onnx) takes tensors"
        )
    return examined(dataset, request, progress)


def labelled(request: PrepareRequest) -> Dataset:
    """The recipe's data with labels of its task's kind; no image is read yet.

    Raises:
        InputError: an output would replace a file of the data.
        DataError: the source cannot be opened, or has labels of another kind.
    """
    dataset = opened(request, open_source)
    task: DeviceTask = find_task(request.recipe.task.kind, "device")
    task.truth([sample.truth for sample in dataset.samples], len(dataset.classes))
    return dataset


def are_tensors(dataset: Dataset) -> bool:
    """Whether its samples are files of tensors, as the first one is."""
    first = dataset.samples[0].image
    return isinstance(first, Path) and is_tensor(first)


def examined(dataset: Dataset, request: PrepareRequest, progress: Progress, reader: Reader | None = None) -> Material:
    """Read every sample, check and divide them.

    Args:
        dataset: labelled, and not read yet.
        request: says how.
        progress: is told of the audit.
        reader: of tensors; ``None`` for images.

    Raises:
        DataError: samples or labels are not fit for use.
    """
    data = request.recipe.data
    cache = Cache(request.cache)
    about = {"source": data.source, "base": str(request.base.resolve()), "code": measuring()}
    known = cache.path("audit", about, ".json")
    how = Audit(data.min_per_class, data.skip_bad, request.threads, known, data.near_duplicates == "group")
    audited = audit(dataset, how, progress) if reader is None else reader.audit(dataset, how, progress)
    splits = split(audited.dataset, data, request.recipe.seed)
    check_near_duplicates(audited, splits, data.near_duplicates == "refuse", progress)
    return Material(audited, splits)


def opened(request: PrepareRequest, how: Callable[[str, Path, Cache | None], Dataset]) -> Dataset:
    """The recipe's data, opened by ``how``; no image is read yet.

    Raises:
        InputError: an output would replace a file of the data.
        DataError: see ``how``.
    """
    outputs = (request.out, *request.beside)
    keep_source(outputs, request.recipe.data.source, request.base)
    dataset = how(request.recipe.data.source, request.base, Cache(request.cache))
    keep_images(outputs, dataset)
    return dataset


def held_out_images(material: Material, hashes: tuple[str, ...]) -> tuple[HeldOut, ...]:
    """Test samples by content hash, where their files lie now."""
    files = {sample.sha256: sample for sample in material.audited.dataset.samples if isinstance(sample.image, Path)}
    found = (files[sha256] for sha256 in hashes if sha256 in files)
    return tuple(HeldOut(str(sample.image), in_words(sample.truth, material.classes)) for sample in found)
