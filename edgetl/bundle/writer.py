"""Packing a bundle: equal contents give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgetl import __version__
from edgetl.bundle.archive import Digest, Source, begins_with, layout, measure, write_archive
from edgetl.bundle.consistency import check_manifest
from edgetl.bundle.golden_files import files_from_golden, index_from_golden
from edgetl.bundle.manifest import (
    CARD,
    MANIFEST,
    MANIFEST_BYTES_MAX,
    SCHEMA,
    FileEntry,
    Manifest,
    Provenance,
    encode_manifest,
    model_file,
)
from edgetl.candidate import Variant
from edgetl.errors import BundleError, InputError
from edgetl.evaluation import Evaluation
from edgetl.files import refused, replacing
from edgetl.gates import Gates
from edgetl.golden import Golden, GoldenIndex
from edgetl.preprocess import Preprocess
from edgetl.result import BundleIdentity


@dataclass(frozen=True)
class Contents:
    """Everything that goes into a bundle; the rest of its manifest is derived."""

    name: str
    version: int
    task: str
    classes: tuple[str, ...]
    preprocess: Preprocess | None
    variants: tuple[Variant, ...]
    """Their ``artifact.file`` is replaced by the path inside the bundle."""
    models: Mapping[str, Path]
    """The ONNX file of each variant."""
    gates: Gates
    golden: Golden
    evaluations: tuple[Evaluation, ...]
    recipe_sha256: str
    provenance: Provenance
    card: str
    """Markdown for people: origin, licence, data, limits."""
    thresholds: tuple[float, ...] = ()
    """One per class, where the task needs them."""


def write_bundle(path: Path, contents: Contents) -> BundleIdentity:
    """Write a bundle, whole or not at all.

    Raises:
        BundleError: the contents contradict each other or are too large; a reader would refuse them.
        InputError: the folder cannot be written to.
        EdgeTLError: the disk is full.
    """
    index = index_from_golden(contents.golden)
    sources: dict[str, Source] = {CARD: contents.card.encode("utf-8")}
    sources |= {model_file(variant): model for variant, model in contents.models.items()}
    try:
        sources |= files_from_golden(contents.golden, index)
        digests = {name: measure(source) for name, source in sources.items()}
        sources[MANIFEST] = _manifest_bytes(contents, index, digests)
        members = layout(digests | {MANIFEST: measure(sources[MANIFEST])})
        with replacing(path) as file:
            sha256 = write_archive(file, members, sources)
    except OSError as error:
        raise refused(
            f"cannot write bundle {str(path)!r}: {error.filename or path}: {error.strerror}; "
            "choose a folder with space that can be written to",
            error,
        ) from error
    return BundleIdentity(contents.name, contents.version, sha256)


def keep_other_files(path: Path) -> None:
    """Refuse to write a bundle over a file that is none; an empty one, such as ``mktemp`` makes, holds nothing.

    Raises:
        InputError: the file is not what :func:`write_bundle` begins with, or cannot be read.
    """
    try:
        if not path.is_file() or path.stat().st_size == 0:
            return
        with path.open("rb") as file:
            is_bundle = begins_with(file, CARD)
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be read ({error.strerror}); choose another -o") from error
    if not is_bundle:
        raise InputError(
            f"{str(path)!r} is a file of {path.stat().st_size:,} bytes that is no bundle, which the output would "
            "replace; choose another -o"
        )


def _manifest_bytes(contents: Contents, index: GoldenIndex, digests: Mapping[str, Digest]) -> bytes:
    manifest = Manifest(
        schema=SCHEMA,
        name=contents.name,
        version=contents.version,
        edgetl_version=__version__,
        task=contents.task,
        classes=contents.classes,
        preprocess=contents.preprocess,
        variants=tuple(_inside(variant) for variant in contents.variants),
        gates=contents.gates,
        golden=index,
        evaluations=contents.evaluations,
        recipe_sha256=contents.recipe_sha256,
        provenance=contents.provenance,
        files={name: FileEntry(digest.sha256, digest.size_bytes) for name, digest in digests.items()},
        thresholds=contents.thresholds,
    )
    raw = encode_manifest(manifest)
    check_manifest(manifest)
    if len(raw) > MANIFEST_BYTES_MAX:
        raise BundleError(f"the manifest has {len(raw)} bytes; the limit is {MANIFEST_BYTES_MAX}; shorten the notes")
    return raw


def _inside(variant: Variant) -> Variant:
    artifact = msgspec.structs.replace(variant.artifact, file=model_file(variant.name))
    return msgspec.structs.replace(variant, artifact=artifact)
