"""Images of every kind as Pillow's, upright, in grey or RGB of 8 bits."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from edgetl.errors import DataError
from edgetl.tensors import Array

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""By their names in recipes."""
_EXIF_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(source: str | Path | bytes) -> Image.Image:
    """Decode an image file to Pillow ``L`` or ``RGB``, upright; of an animation the first frame.

    Greys of 16 bits are divided by 257, whatever range they use; transparency is dropped. Pillow's own limit on the
    number of pixels holds: a warning above ``Image.MAX_IMAGE_PIXELS``, an error above twice that.

    Raises:
        DataError: missing, not an image, damaged, truncated, or of a mode without a known range.
    """
    name = f"{len(source)} bytes" if isinstance(source, bytes) else repr(str(source))
    with _reading(name), Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return _to_8_bit(_upright(image))


def image_from(source: str | Path | bytes | Image.Image) -> Image.Image:
    """As :func:`decode`, of what Pillow has decoded already, too.

    Raises:
        DataError: as there, or it is none of these.
    """
    if isinstance(source, Image.Image):
        with _reading("the Pillow image"):
            return _to_8_bit(_upright(source))
    if isinstance(source, (str, Path, bytes)):
        return decode(source)
    raise DataError(
        f"cannot read {type(source).__name__} as an image; expected a path, bytes, a Pillow image or a uint8 array"
    )


@contextmanager
def _reading(name: str) -> Iterator[None]:
    try:
        yield
    except DataError as error:
        raise DataError(f"cannot use {name} as an image: {error}") from error
    except Exception as error:  # Pillow's decoders raise anything on damaged files
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, UnidentifiedImageError):  # its own words name an object in memory
            reason = "it is none"
        raise DataError(
            f"cannot read {name} as an image ({reason}); expected PNG, JPEG or another format Pillow reads"
        ) from error


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode.startswith("I"):
        return _grey_from_16_bit(np.asarray(image))
    if image.mode == "F":
        raise DataError("pixels are floating point, whose range is unknown; scale them to 8 bits first")
    if image.mode == "P":
        # straight to RGB, Pillow warns about transparent palettes
        return image.convert("RGBA").convert("RGB")
    return image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")


def _grey_from_16_bit(values: Array) -> Image.Image:
    if values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"pixels range from {values.min()} to {values.max()}, expected 0 to 65535; scale them to 8 bits first"
        )
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _upright(image: Image.Image) -> Image.Image:
    image.load()  # first: TIFF files turn themselves while loading
    turn = _TURNS.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def image_from_array(array: Array) -> Image.Image:
    """A frame as it is; its channels are not swapped.

    Raises:
        DataError: the array is no frame.
    """
    if (
        array.dtype != np.uint8
        or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))
        or 0 in array.shape
    ):
        raise DataError(f"a frame is uint8 of shape (h, w, 3) or (h, w); got {array.dtype} {array.shape}")
    return Image.fromarray(np.ascontiguousarray(array))
