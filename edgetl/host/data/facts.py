"""What one look at an image tells, kept so that no image is looked at twice."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
import PIL
from PIL import Image, ImageStat

from edgetl.files import replacing
from edgetl.host.data.fingerprint import fingerprint
from edgetl.images import decode

_SCHEMA: Literal["edgetl.audit/2"] = "edgetl.audit/2"


class ImageFacts(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One image."""

    width: int
    """In pixels, upright."""
    height: int
    format: str
    """As Pillow names it, such as ``JPEG``."""
    mode: str
    """Of the file, as Pillow names it, such as ``RGB`` or ``I;16``."""
    brightness: float
    """Mean grey level, 0 to 255 (luma of ITU-R BT.601)."""
    contrast: float
    """Standard deviation of the grey levels."""
    fingerprint: int | None
    """64 bits of :func:`edgetl.host.data.fingerprint.fingerprint`."""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: Literal["edgetl.audit/2"]
    pillow: str
    images: dict[str, ImageFacts]
    """By content hash."""


def look(data: bytes) -> ImageFacts:
    """Decode an encoded image fully and measure it.

    Raises:
        DataError: it cannot be decoded.
    """
    image = decode(data)
    with Image.open(io.BytesIO(data)) as header:
        kind, mode = header.format or "unknown", header.mode
    grey = image.convert("L")
    levels = ImageStat.Stat(grey)
    return ImageFacts(
        width=image.width,
        height=image.height,
        format=sys.intern(kind),
        mode=sys.intern(mode),
        brightness=round(levels.mean[0], 3),
        contrast=round(levels.stddev[0], 3),
        fingerprint=fingerprint(grey),
    )


def read_facts(file: Path | None) -> Mapping[str, ImageFacts]:
    """Facts by content hash; nothing when the file is absent, damaged or of another Pillow."""
    if file is None:
        return {}
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return kept.images if kept.pillow == PIL.__version__ else {}


def write_facts(file: Path, facts: Mapping[str, ImageFacts]) -> None:
    """Write facts by content hash, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    document = _File(_SCHEMA, PIL.__version__, dict(sorted(facts.items())))
    with replacing(file) as target:
        target.write(msgspec.json.encode(document))
