"""From an encoded image or a camera frame to the ``uint8`` tensor a model takes; the same code on host and device."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec
import numpy as np
from PIL import Image, UnidentifiedImageError

from edgetl.errors import DataError, InputError
from edgetl.tensors import Array

Order = Literal["RGB", "BGR"]
ImageInput: TypeAlias = "str | Path | bytes | Image.Image | Array"

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
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


class Preprocess(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resize and crop as data. Normalisation and layout live in the model's graph.

    ``fit = "squash"`` scales the whole image to ``height`` x ``width``; ``"crop"`` takes the largest centred region
    of the same aspect ratio first. ``crop`` keeps that fraction of the region's sides around its centre.
    ``reducing_gap`` trades exactness for speed when much smaller images are made (Pillow's parameter); ``None`` is
    exact.
    """

    height: int
    width: int
    fit: Literal["squash", "crop"] = "squash"
    crop: float = 1.0
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "bicubic"
    order: Order = "RGB"
    """Channel order of the tensor the model takes."""
    reducing_gap: float | None = None

    def __post_init__(self) -> None:
        if not (0 < self.height <= 8192 and 0 < self.width <= 8192):
            raise ValueError(f"height and width must be 1 to 8192, got {self.height} x {self.width}")
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop must be above 0 and at most 1, got {self.crop}")
        if self.reducing_gap is not None and self.reducing_gap < 1:
            raise ValueError(f"reducing_gap must be at least 1, got {self.reducing_gap}")

    def apply(self, source: ImageInput, order: Order = "RGB") -> Array:
        """One image as ``uint8`` of shape ``(height, width, 3)``.

        Args:
            source: a path, encoded bytes, a Pillow image, or a ``uint8`` array of shape ``(h, w, 3)`` or ``(h, w)``;
                any strides, so a region of interest is a slice.
            order: channel order of an array; files and Pillow images say their own.

        Raises:
            DataError: the source is not a readable image.
            InputError: ``order`` is neither, or ``"BGR"`` for what is no array.
        """
        check_order(order, isinstance(source, np.ndarray))
        if isinstance(source, np.ndarray):
            swap, image = order != self.order and source.ndim == 3, _image_from_array(source)
        else:
            swap, image = self.order == "BGR", _image_from(source)
        pixels = np.asarray(self._resize(image))
        if pixels.ndim == 2:
            return np.stack((pixels, pixels, pixels), axis=2)
        # stack writes plane by plane, five times faster than a copy of [:, :, ::-1]
        return np.stack((pixels[:, :, 2], pixels[:, :, 1], pixels[:, :, 0]), axis=2) if swap else pixels.copy()

    def _resize(self, image: Image.Image) -> Image.Image:
        return image.resize(
            (self.width, self.height),
            _FILTERS[self.interpolation],
            box=self._box(image.size),
            reducing_gap=self.reducing_gap,
        )

    def _box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        width, height = float(size[0]), float(size[1])
        if self.fit == "crop":
            scale = min(width / self.width, height / self.height)
            width, height = self.width * scale, self.height * scale
        width, height = width * self.crop, height * self.crop
        # rounding may put an edge 1e-13 outside of the image, which Pillow refuses
        left, top = max((size[0] - width) / 2, 0.0), max((size[1] - height) / 2, 0.0)
        return (left, top, min(left + width, size[0]), min(top + height, size[1]))


def check_order(order: str, is_array: bool) -> None:
    """Refuse a channel order that is none, or that would be ignored.

    Raises:
        InputError: says which there are, or what they are for.
    """
    if order not in get_args(Order):
        raise InputError(f"order is {order!r}; expected 'RGB' or 'BGR'")
    if order == "BGR" and not is_array:
        raise InputError(
            "order='BGR' is for arrays of pixels; expected no order here: files and Pillow images say theirs"
        )


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


def _image_from(source: str | Path | bytes | Image.Image) -> Image.Image:
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


def _image_from_array(array: Array) -> Image.Image:
    if (
        array.dtype != np.uint8
        or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3))
        or 0 in array.shape
    ):
        raise DataError(f"a frame is uint8 of shape (h, w, 3) or (h, w); got {array.dtype} {array.shape}")
    return Image.fromarray(np.ascontiguousarray(array))
