"""From an encoded image or a camera frame to the ``uint8`` tensor a model takes; the same code on host and device."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import msgspec
import numpy as np

from edgetl.errors import InputError
from edgetl.tensors import Array

if TYPE_CHECKING:
    from PIL import Image

Order = Literal["RGB", "BGR"]
ImageInput: TypeAlias = "str | Path | bytes | Image.Image | Array"


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
        from edgetl import images  # Pillow takes memory

        check_order(order, isinstance(source, np.ndarray))
        if isinstance(source, np.ndarray):
            swap, image = order != self.order and source.ndim == 3, images.image_from_array(source)
        else:
            swap, image = self.order == "BGR", images.image_from(source)
        size, box = (self.width, self.height), self._box(image.size)
        scaled = image.resize(size, images.FILTERS[self.interpolation], box=box, reducing_gap=self.reducing_gap)
        pixels = np.asarray(scaled)
        if pixels.ndim == 2:
            return np.stack((pixels, pixels, pixels), axis=2)
        # stack writes plane by plane, five times faster than a copy of [:, :, ::-1]
        return np.stack((pixels[:, :, 2], pixels[:, :, 1], pixels[:, :, 0]), axis=2) if swap else pixels.copy()

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
