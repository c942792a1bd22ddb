"""The parts of a bundle as plain files, for programs in other languages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from edgetl.bundle import Bundle, Manifest
from edgetl.bundle.manifest import CARD, MANIFEST
from edgetl.candidate import Variant
from edgetl.errors import InputError
from edgetl.files import filling, refused, replacing
from edgetl.preprocess import Preprocess
from edgetl.tensors import TensorSpec

_FIT = {
    "squash": "take the whole image",
    "crop": "take the largest centred region of the aspect ratio width : height",
}


def unpack(bundle: str | Path, folder: str | Path, variant: str | None = None) -> tuple[Path, ...]:
    """Write the ONNX files (or one of them), ``labels.txt``, ``preprocess.json``, the card and the manifest.

    Args:
        bundle: is verified first.
        folder: is made when missing; must be empty.
        variant: the only graph to write.

    Returns:
        The files, in the order of their names.

    Raises:
        BundleError: the bundle is damaged or has no such variant.
        InputError: the folder is not empty or cannot be written to.
        EdgeTLError: the disk is full; nothing is left in the folder.
    """
    opened, folder = Bundle.open(bundle), Path(folder)
    manifest = opened.manifest
    variants = manifest.variants if variant is None else (manifest.variant(variant),)
    contents = {
        CARD: opened.read(CARD),
        MANIFEST: opened.read(MANIFEST),
        "labels.txt": "".join(f"{label}\n" for label in manifest.classes).encode("utf-8"),
        "preprocess.json": msgspec.json.format(msgspec.json.encode(preprocess_document(manifest, variants[0]))) + b"\n",
    }
    try:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"folder {str(folder)!r} is not empty; choose one that is new or empty")
        with filling(folder):
            for name, content in contents.items():
                with replacing(folder / name) as file:
                    file.write(content)
            for chosen in variants:
                opened.extract(chosen.artifact.file, folder / f"{chosen.name}.onnx")
    except OSError as error:
        raise refused(f"cannot write to folder {str(folder)!r} ({error.strerror}); choose another", error) from error
    return tuple(sorted(folder.iterdir()))


class ImageSteps(Preprocess, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """From an encoded image to the tensor that the graph takes."""

    dtype: Literal["uint8"]
    layout: Literal["NHWC"]
    range: tuple[int, int]
    """Of the values."""
    normalisation: str
    decode: str
    resize: str


class PreprocessDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a program in another language must do before it runs the graph, in words and in numbers."""

    schema: Literal["edgetl.preprocess/1"]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    image: ImageSteps | None
    """``None`` when the model takes tensors, not images."""
    remark: str | None = None


def preprocess_document(manifest: Manifest, variant: Variant) -> PreprocessDocument:
    """The document about one graph of a bundle."""
    specs = (variant.artifact.inputs, variant.artifact.outputs)
    if manifest.preprocess is None:
        remark = "the model takes the tensors above as they are"
        return PreprocessDocument("edgetl.preprocess/1", *specs, None, remark)
    return PreprocessDocument("edgetl.preprocess/1", *specs, _image_steps(manifest.preprocess))


def _image_steps(preprocess: Preprocess) -> ImageSteps:
    return ImageSteps(
        **msgspec.structs.asdict(preprocess),
        dtype="uint8",
        layout="NHWC",
        range=(0, 255),
        normalisation="in the graph: feed the pixels as they are, without mean, deviation or division by 255",
        decode="8 bits per channel, upright (EXIF orientation applied); grey images have three equal channels",
        resize=(
            f"{_FIT[preprocess.fit]}; of it keep the centred fraction 'crop' of both sides, not rounded to pixels; "
            f"scale that to height x width with filter {preprocess.interpolation}, antialiased as Pillow does "
            "(the filter widens when an image gets smaller; OpenCV's and most GPU resizes do not and give other pixels)"
        ),
    )
