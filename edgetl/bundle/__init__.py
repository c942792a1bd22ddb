"""``NAME.edgetl``: everything a device needs, in one file that protects every one of its bytes."""

from __future__ import annotations

from edgetl.bundle.manifest import SCHEMA, CalibrationSummary, FileEntry, Manifest, Provenance
from edgetl.bundle.reader import Bundle
from edgetl.bundle.writer import Contents, keep_other_files, write_bundle

__all__ = [
    "SCHEMA",
    "Bundle",
    "CalibrationSummary",
    "Contents",
    "FileEntry",
    "Manifest",
    "Provenance",
    "keep_other_files",
    "write_bundle",
]
