"""Samples of models that take tensors: one ``.npz`` file each, read the same way on host and device."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from edgetl.errors import DataError
from edgetl.tensors import Array, TensorSpec, fits

SUFFIX = ".npz"
_ZIP = b"PK"
_BYTES_MAX = 1 << 30
"""That one array may unpack to: zeros pack a thousandfold."""


def read_sample(source: str | Path | bytes, specs: tuple[TensorSpec, ...]) -> dict[str, Array]:
    """The arrays of a file as a model takes them: in the order of its inputs, with a batch of 1.

    An array has the rank of its input and a first size of 1, or one dimension fewer, and the batch is put before it.
    Integers are widened where that loses nothing; any other dtype is the input's own.

    Args:
        source: the file, or what is in it.
        specs: of the inputs, each with the batch first.

    Raises:
        DataError: not an ``.npz`` file, damaged, or with objects in it; other arrays than the inputs; another dtype,
            rank or size; no values, or some that are NaN or infinite. Its cause says the same without the file's name.
    """
    name = f"{len(source)} bytes" if isinstance(source, bytes) else repr(str(source))
    try:
        arrays = _arrays(source if isinstance(source, bytes) else _content(source), {spec.name for spec in specs})
        return {spec.name: _fed(arrays[spec.name], spec) for spec in specs}
    except DataError as error:
        raise DataError(f"cannot use {name} as a sample: {error}") from error


def _content(source: str | Path) -> bytes:
    try:
        # reading a pipe or a device may never end
        if os.path.exists(source) and not os.path.isfile(source):  # noqa: PTH110, PTH113 (names may be too long)
            raise DataError("it is no file; expected an .npz file with one array for each input")
        return Path(source).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"it cannot be read ({reason}); expected an .npz file") from error


def _arrays(content: bytes, wanted: set[str]) -> dict[str, Array]:
    names = ", ".join(sorted(wanted))
    if not content.startswith(_ZIP):
        raise DataError(f"it is no .npz file; write one with numpy.savez, with one array for each input: {names}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            found = set(archive.files)
            if found != wanted:
                raise DataError(
                    f"its arrays are {', '.join(sorted(found))[:200] or 'none'}; expected exactly the inputs of the "
                    f"model: {names}; name them so with numpy.savez(file, **arrays)"
                )
            large = max(entry.file_size for entry in archive.zip.infolist())
            if large > _BYTES_MAX:
                raise DataError(
                    f"one of its arrays unpacks to {large / 1e9:.1f} GB, expected at most {_BYTES_MAX / 1e9:.1f}; "
                    "give smaller samples"
                )
            return {key: np.asarray(archive[key]) for key in archive.files}
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile raise anything on damaged files
        reason = "it holds Python objects" if "allow_pickle" in str(error) else str(error) or type(error).__name__
        raise DataError(
            f"it is damaged, or holds more than plain numbers ({reason}); write it again with numpy.savez"
        ) from error


def _fed(array: Array, spec: TensorSpec) -> Array:
    wanted = np.dtype(spec.dtype)
    if array.dtype != wanted:
        is_wider = array.dtype.kind in "iu" and wanted.kind in "iu" and np.can_cast(array.dtype, wanted, "safe")
        if not is_wider:
            narrower = ", or integers that fit into it" if wanted.kind in "iu" else ""
            raise DataError(f"input {spec.name!r} is {array.dtype}, expected {wanted}{narrower}; convert it")
        array = array.astype(wanted)
    batched = array[None] if array.ndim == len(spec.shape) - 1 else array
    if not fits(batched.shape, (1, *spec.shape[1:])):
        sizes = ["any" if size is None else str(size) for size in spec.shape[1:]]
        raise DataError(
            f"input {spec.name!r} has shape {array.shape}; a file is one sample: expected ({', '.join(sizes)}), or "
            f"({', '.join(['1', *sizes])}) with its batch; change it"
        )
    if not batched.size:
        raise DataError(f"input {spec.name!r} has shape {array.shape} and holds no value; expected some; leave it out")
    if wanted.kind == "f" and not np.isfinite(batched).all():
        bad = int(np.count_nonzero(~np.isfinite(batched)))
        raise DataError(
            f"{bad} of {batched.size} values of input {spec.name!r} are NaN or infinite; expected numbers; leave it out"
        )
    return np.ascontiguousarray(batched)
