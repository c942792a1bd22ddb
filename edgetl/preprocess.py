"""From an encoded image or a camera frame to the ``uint8`` tensor a model takes; the same code on host and device."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from PIL import Image, ImageOps

from edgetl.errors import DataError
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
        """
        if isinstance(source, np.ndarray):
            swap, image = order != self.order and source.ndim == 3, _image_from_array(source)
        else:
            swap, image = self.order == "BGR", _image_from(source)
        pixels = np.asarray(self._resize(image))
        if pixels.ndim == 2:
            return np.repeat(pixels[:, :, None], 3, axis=2)
        return np.ascontiguousarray(pixels[:, :, ::-1]) if swap else pixels.copy()

    def _resize(self, image: Image.Image) -> Image.Image:
        return image.resize(
            (self.width, self.height), _FILTERS[self.interpolation], box=self._box(image.size), reducing_gap=self.reducing_gap
        )

    def _box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        width, height = float(size[0]), float(size[1])
        if self.fit == "crop":
            scale = min(width / self.width, height / self.height)
            width, height = self.width * scale, self.height * scale
        width, height = width * self.crop, height * self.crop
        left, top = (size[0] - width) / 2, (size[1] - height) / 2
        return (left, top, left + width, top + height)


def decode(source: str | Path | bytes) -> Image.Image:
    """An image file as Pillow ``L`` or ``RGB``, upright; 16-bit greys are scaled to 8 bits, transparency is dropped.

    Raises:
        DataError: not an image, truncated, or an unsupported mode.
    """
    name = f"{len(source)} bytes" if isinstance(source, bytes) else repr(str(source))
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            image.load()
            return _upright(_to_8_bit(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read {name} as an image ({error}); expected PNG, JPEG or another format Pillow reads") from error


def _image_from(source: str | Path | bytes | Image.Image) -> Image.Image:
    if isinstance(source, Image.Image):
        return _upright(_to_8_bit(source))
    if isinstance(source, (str, Path, bytes)):
        return decode(source)
    raise DataError(f"cannot read {type(source).__name__} as an image; expected a path, bytes, a Pillow image or a uint8 array")


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB"):
        return image
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float32)
        scale = 257.0 if values.max(initial=0) > 255 else 1.0
        return Image.fromarray(np.clip(np.rint(values / scale), 0, 255).astype(np.uint8))
    return image.convert("L" if image.mode in ("1", "LA") else "RGB")


def _upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image) if image.getexif().get(_EXIF_ORIENTATION, 1) != 1 else image


def _image_from_array(array: Array) -> Image.Image:
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) or 0 in array.shape:
        raise DataError(f"a frame is uint8 of shape (h, w, 3) or (h, w); got {array.dtype} {array.shape}")
    return Image.fromarray(np.ascontiguousarray(array))
