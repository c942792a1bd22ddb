"""Arrays as compressed ``.npy`` files with one possible header, so that reading never has to parse one.

References:
    NumPy Enhancement Proposal 1, A Simple File Format for NumPy Arrays, format version 1.0.
"""

from __future__ import annotations

import math
import zlib

import numpy as np

from edgetl.errors import BundleError
from edgetl.tensors import Array, TensorSpec

_MAGIC = b"\x93NUMPY\x01\x00"
_BLOCK = 1 << 20
_LEVEL = 6


def compressed_from_array(array: Array, spec: TensorSpec) -> bytes:
    """An array as ``.npy`` bytes (readable with ``numpy.load`` once decompressed), compressed with zlib."""
    deflate = zlib.compressobj(_LEVEL)
    content = np.ascontiguousarray(array, dtype=_dtype(spec)).reshape(-1).view(np.uint8).data
    return b"".join((deflate.compress(_header(spec)), deflate.compress(content), deflate.flush()))


def array_from_compressed(raw: bytes, spec: TensorSpec) -> Array:
    """The array that ``spec`` describes; memory is taken as content arrives, never because a header says so.

    Raises:
        BundleError: damaged, or of another dtype, shape or size than ``spec``.
    """
    header = _header(spec)
    content = _inflate(raw, len(header) + nbytes(spec), spec.name)
    if content[: len(header)] != header:
        raise BundleError(f"golden tensor {spec.name!r} is not of the dtype and shape the manifest says")
    return np.frombuffer(content, dtype=_dtype(spec), offset=len(header)).reshape(_sizes(spec))


def nbytes(spec: TensorSpec) -> int:
    """Size of the values of a tensor whose every dimension is known."""
    return math.prod(_sizes(spec)) * _dtype(spec).itemsize


def _inflate(raw: bytes, size: int, name: str) -> bytearray:
    inflate, content = zlib.decompressobj(), bytearray()
    try:
        while raw and not inflate.eof and len(content) <= size:
            # one byte more than allowed is enough to know that there is too much
            content += inflate.decompress(raw, min(_BLOCK, size + 1 - len(content)))
            raw = inflate.unconsumed_tail
    except zlib.error as error:
        raise BundleError(f"golden tensor {name!r} cannot be decompressed ({error})") from error
    if len(content) != size or not inflate.eof or inflate.unused_data:
        raise BundleError(f"golden tensor {name!r} does not decompress to the {size} bytes the manifest says")
    return content


def _header(spec: TensorSpec) -> bytes:
    sizes = _sizes(spec)
    shape = f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"
    text = f"{{'descr': '{_dtype(spec).str}', 'fortran_order': False, 'shape': {shape}, }}"
    padding = -(len(_MAGIC) + 2 + len(text) + 1) % 64
    line = f"{text}{' ' * padding}\n".encode("ascii")
    return _MAGIC + len(line).to_bytes(2, "little") + line


def _dtype(spec: TensorSpec) -> np.dtype[np.generic]:
    dtype: np.dtype[np.generic] = np.dtype(spec.dtype).newbyteorder("<")
    return dtype


def _sizes(spec: TensorSpec) -> tuple[int, ...]:
    return tuple(size for size in spec.shape if size is not None)
