"""The page at the front of a bundle: what is in it, where it came from, and what it must meet."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from edgetl.candidate import Variant
from edgetl.errors import BundleError
from edgetl.evaluation import Evaluation
from edgetl.gates import Gates
from edgetl.golden import GoldenIndex
from edgetl.preprocess import Preprocess

SCHEMA: Final = "edgetl.bundle/1"
MANIFEST = "manifest.json"
CARD = "card.md"
MANIFEST_BYTES_MAX = 16 << 20


class CalibrationSummary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The samples that activation ranges were taken from."""

    n: int
    sha256: str
    """Of the sorted hashes of what the model was fed for each, preprocessed; their order does not matter."""
    classes: dict[str, int]
    """How many of each class; empty without labels."""


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a model came from; unknown is ``None``."""

    backbone: str
    weights_sha256: str | None
    method: str
    data_sha256: str | None
    samples: dict[str, int]
    """Per split."""
    calibration: CalibrationSummary | None
    tools: dict[str, str]
    """Versions of what made the bundle."""
    notes: dict[str, Any]


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file in the bundle must be."""

    sha256: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Everything a device knows of a bundle before it opens a model."""

    schema: Literal["edgetl.bundle/1"]
    name: str
    version: int
    edgetl_version: str
    task: str
    classes: tuple[str, ...]
    preprocess: Preprocess | None
    """``None`` when the model takes tensors, not images."""
    variants: tuple[Variant, ...]
    gates: Gates
    golden: GoldenIndex
    evaluations: tuple[Evaluation, ...]
    recipe_sha256: str
    provenance: Provenance
    files: dict[str, FileEntry]
    """Every file in the bundle but the manifest itself."""
    thresholds: tuple[float, ...] = ()
    """Probability above which each class is given, where a sample may have several; left out where none are needed."""

    @property
    def remarks(self) -> dict[str, tuple[str, ...]]:
        """What there is to know of variants on some versions of their runtimes, of those that have any."""
        return {variant.name: variant.artifact.remarks for variant in self.variants if variant.artifact.remarks}

    def variant(self, name: str) -> Variant:
        """The variant of that name.

        Raises:
            BundleError: there is none.
        """
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise BundleError(
            f"no variant {name!r} in bundle {self.name!r}; it has {', '.join(v.name for v in self.variants)}"
        )


def model_file(variant: str) -> str:
    """Where the graph of a variant lies in its bundle."""
    return f"models/{variant}.onnx"


def encode_manifest(manifest: Manifest) -> bytes:
    """The one spelling of a manifest.

    Raises:
        BundleError: it has a value that JSON cannot hold or that a reader would refuse.
    """
    try:
        # decoded once, because 1 and 1.0 are the same number with two spellings
        return _encode(msgspec.json.decode(_encode(manifest), type=Manifest))
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BundleError(f"the manifest cannot be written: {error}") from error


def decode_manifest(raw: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        BundleError: not JSON, another schema, an unknown, missing or wrong field, or not the canonical spelling.
    """
    try:
        schema = msgspec.json.decode(raw, type=_Schema).schema
        if schema != SCHEMA:
            raise BundleError(
                f"it has schema {schema[:80]!r}; this version of EdgeTL reads {SCHEMA!r}; install another version"
            )
        manifest = msgspec.json.decode(raw, type=Manifest)
        canonical = _encode(manifest)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise BundleError(f"its {MANIFEST} is not valid: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise BundleError(f"its {MANIFEST} is nested too deeply or too large") from error
    if canonical != raw:
        raise BundleError(f"its {MANIFEST} is not spelled as EdgeTL spells it")
    return manifest


class _Schema(msgspec.Struct):
    schema: str


def _encode(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest, order="sorted")
