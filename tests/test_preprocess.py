"""Promises of :mod:`edgetl.preprocess`: every source of the same picture gives the same tensor."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from edgetl.errors import DataError, InputError
from edgetl.images import decode
from edgetl.preprocess import Preprocess
from edgetl.tensors import Array

FRAMES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.just(3)))
GREYS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)))
PREPROCESSES = st.builds(
    Preprocess,
    height=st.integers(1, 48),
    width=st.integers(1, 48),
    fit=st.sampled_from(["squash", "crop"]),
    crop=st.floats(0.05, 1.0),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
    order=st.sampled_from(["RGB", "BGR"]),
    reducing_gap=st.sampled_from([None, 1.0, 2.0]),
)
FAST = settings(max_examples=60, deadline=None)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(height: int = 30, width: int = 40) -> Array:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@FAST
@given(PREPROCESSES, FRAMES)
def test_an_array_gives_what_its_png_gives(preprocess: Preprocess, frame: Array) -> None:
    result = preprocess.apply(frame)
    assert result.shape == (preprocess.height, preprocess.width, 3)
    assert result.dtype == np.uint8
    assert result.flags.c_contiguous
    assert result.flags.writeable
    assert np.array_equal(result, preprocess.apply(encoded(Image.fromarray(frame))))


@FAST
@given(PREPROCESSES, FRAMES)
def test_a_bgr_frame_gives_what_the_rgb_frame_gives(preprocess: Preprocess, frame: Array) -> None:
    swapped = np.ascontiguousarray(frame[:, :, ::-1])
    assert np.array_equal(preprocess.apply(swapped, order="BGR"), preprocess.apply(frame, order="RGB"))


@pytest.mark.parametrize("order", ["rgb", "bgr", "RBG", "", None])
def test_an_unknown_channel_order_is_refused(order: Any) -> None:
    with pytest.raises(InputError, match=f"order is {order!r}; expected 'RGB' or 'BGR'"):
        Preprocess(4, 4).apply(np.zeros((4, 4, 3), np.uint8), order)


@pytest.mark.parametrize("source", ["x.png", Path("x.png"), b"bytes", Image.new("RGB", (4, 4))])
def test_a_channel_order_for_what_is_no_array_is_refused(source: Any) -> None:
    with pytest.raises(InputError, match="order='BGR' is for arrays of pixels"):
        Preprocess(4, 4).apply(source, "BGR")


@FAST
@given(PREPROCESSES, GREYS)
def test_a_grey_picture_gives_what_its_rgb_gives(preprocess: Preprocess, grey: Array) -> None:
    expected = preprocess.apply(np.repeat(grey[:, :, None], 3, axis=2))
    assert np.array_equal(preprocess.apply(grey), expected)
    assert np.array_equal(preprocess.apply(encoded(Image.fromarray(grey))), expected)


@FAST
@given(PREPROCESSES, FRAMES, st.integers(1, 3), st.booleans())
def test_a_view_gives_what_its_copy_gives(preprocess: Preprocess, frame: Array, step: int, flipped: bool) -> None:
    view = frame[::step, :: -step if flipped else step]
    assert np.array_equal(preprocess.apply(view), preprocess.apply(view.copy()))


def test_a_region_of_interest_needs_no_copy_by_the_caller() -> None:
    frame = picture(108, 192)
    region = frame[20:80, 30:120]
    expected = Preprocess(16, 16).apply(encoded(Image.fromarray(region.copy())))
    assert np.array_equal(Preprocess(16, 16).apply(region), expected)


def test_the_source_is_left_as_it_was_and_not_shared() -> None:
    for frame in (picture(8, 8), picture(8, 8)[:, :, 0].copy()):
        before = frame.copy()
        Preprocess(8, 8).apply(frame)[:] = 0
        assert np.array_equal(frame, before)


def test_squash_is_pillows_resize() -> None:
    image = Image.fromarray(picture())
    expected = np.asarray(image.resize((12, 10), Image.Resampling.BICUBIC))
    assert np.array_equal(Preprocess(10, 12).apply(image), expected)


def test_crop_takes_the_largest_centred_region_of_the_same_shape() -> None:
    frame = picture(30, 40)
    expected = Preprocess(15, 15).apply(frame[:, 5:35])
    # the outermost columns also see pixels beyond the region, as Pillow's box does
    assert np.array_equal(Preprocess(15, 15, fit="crop").apply(frame)[:, 3:-3], expected[:, 3:-3])


def test_crop_fraction_keeps_the_centre() -> None:
    frame = np.zeros((40, 40, 3), np.uint8)
    frame[10:30, 10:30] = 255
    assert Preprocess(20, 20, crop=0.5, interpolation="nearest").apply(frame).min() == 255


def test_a_model_in_bgr_order_gets_blue_first() -> None:
    red = encoded(Image.new("RGB", (4, 4), (255, 0, 0)))
    assert Preprocess(4, 4, order="BGR").apply(red)[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_pictures_are_turned_as_their_exif_says(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(picture(10, 20)), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        expected = ImageOps.exif_transpose(image)
    assert np.array_equal(np.asarray(decode(data)), np.asarray(expected))
    assert decode(data).size == ((20, 10) if orientation < 5 else (10, 20))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"])
def test_every_mode_of_black_and_white_is_read(mode: str) -> None:
    pixels = np.zeros((4, 8), np.uint8)
    pixels[:, 4:] = 255
    if mode == "I;16":
        image = Image.fromarray(pixels.astype(np.uint16) * 257)
    else:
        image = Image.fromarray(pixels).convert("RGB").convert(mode)
    result = Preprocess(4, 8).apply(image)
    assert result.shape == (4, 8, 3)
    assert np.array_equal(result, np.stack([pixels] * 3, axis=2))


def test_16_bit_greys_keep_their_brightness_however_dark_they_are() -> None:
    values = np.array([[0, 255, 257, 65535]], np.uint16)
    assert Preprocess(1, 4).apply(encoded(Image.fromarray(values)))[0, :, 0].tolist() == [0, 1, 1, 255]


def test_a_palette_with_transparency_gives_its_colours_without_a_warning() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    data = encoded(image, transparency=b"\x00\x80")
    assert Preprocess(4, 4).apply(data)[0, 0].tolist() == [10, 20, 30]


def test_transparency_is_dropped() -> None:
    data = encoded(Image.new("RGBA", (4, 4), (10, 20, 30, 0)))
    assert Preprocess(4, 4).apply(data)[0, 0].tolist() == [10, 20, 30]


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert Preprocess(4, 4).apply(data).max() == 10


def test_one_pixel_becomes_an_even_picture() -> None:
    data = encoded(Image.new("RGB", (1, 1), (1, 2, 3)))
    assert np.array_equal(np.unique(Preprocess(5, 7, fit="crop", crop=0.5).apply(data)), [1, 2, 3])


def test_values_out_of_16_bits_are_refused() -> None:
    with pytest.raises(DataError, match="expected 0 to 65535"):
        Preprocess(4, 4).apply(Image.fromarray(np.full((4, 4), 70000, np.int32)))


def test_floating_point_pixels_are_refused() -> None:
    with pytest.raises(DataError, match="floating point"):
        Preprocess(4, 4).apply(encoded(Image.new("F", (4, 4)), "TIFF"))


def test_a_truncated_picture_is_refused() -> None:
    data = encoded(Image.fromarray(picture()), "JPEG")
    with pytest.raises(DataError, match=r"cannot read \d+ bytes as an image .*truncated"):
        decode(data[: len(data) // 2])


def test_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "notes.png"
    file.write_text("not a picture")
    with pytest.raises(DataError, match=r"notes\.png.*expected PNG, JPEG"):
        Preprocess(4, 4).apply(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png.*No such file"):
        Preprocess(4, 4).apply(str(tmp_path / "gone.png"))


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("L", (30, 30)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(DataError, match="decompression bomb"):
        decode(data)


@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
def test_a_large_picture_is_read_with_pillows_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(Image.new("L", (30, 30)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 800)
    with pytest.warns(Image.DecompressionBombWarning):
        assert decode(data).size == (30, 30)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
    ],
    ids=["float", "four-channels", "empty", "batch"],
)
def test_other_arrays_are_refused(frame: Array) -> None:
    with pytest.raises(DataError, match=r"a frame is uint8 of shape \(h, w, 3\) or \(h, w\); got"):
        Preprocess(4, 4).apply(frame)


def test_other_objects_are_refused() -> None:
    with pytest.raises(DataError, match="cannot read list as an image"):
        Preprocess(4, 4).apply([1, 2, 3])  # type: ignore[arg-type]


@pytest.mark.parametrize("field", [{"height": 0}, {"width": 9000}, {"crop": 0.0}, {"crop": 1.5}, {"reducing_gap": 0.5}])
def test_values_out_of_range_are_refused(field: dict[str, Any]) -> None:
    with pytest.raises(
        ValueError, match=f"{'height and width' if set(field) & {'height', 'width'} else next(iter(field))}"
    ):
        Preprocess(**{"height": 4, "width": 4, **field})
