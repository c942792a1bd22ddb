"""Golden samples as files of a bundle, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import numpy as np

from edgetl.bundle.npy import array_from_compressed, compressed_from_array, nbytes
from edgetl.errors import BundleError
from edgetl.golden import Golden, GoldenIndex, Label
from edgetl.tensors import Array, Batch, DType, TensorSpec

_BYTES_MAX = 16 << 30
_DIMENSIONS_MAX = 8
_SAMPLES_MAX = 1 << 20


def input_file(index: int) -> str:
    """Where the input of that number lies; tensor names may hold characters that file names may not."""
    return f"golden/inputs/{index:03d}.npy.zz"


def reference_files(index: GoldenIndex, variant: str, runtime: str | None = None) -> dict[str, TensorSpec]:
    """Where each output of a variant lies, and what it is; with a runtime, of those that are recorded of others."""
    folder = f"golden/references/{variant}" if runtime is None else f"golden/references/{variant}/{runtime}"
    return {f"{folder}/{place:03d}.npy.zz": spec for place, spec in enumerate(index.references[variant])}


def recorded(index: GoldenIndex) -> Iterator[tuple[str, str | None]]:
    """Variants with the runtime that outputs are of; ``None`` is the one that the variant was evaluated in."""
    yield from ((variant, None) for variant in index.references)
    yield from ((variant, runtime) for variant, runtimes in index.other_runtimes.items() for runtime in runtimes)


def encoded_file(index: int) -> str:
    """Where the encoded original of that sample lies."""
    return f"golden/encoded/{index:05d}.bin"


def index_from_golden(golden: Golden) -> GoldenIndex:
    """What the manifest says of golden samples.

    Raises:
        BundleError: an array has a dtype that a bundle cannot hold, or outputs of a variant are of another kind in
            another runtime.
    """
    for variant, found in golden.other_runtimes.items():
        for runtime, outputs in found.items():
            own, other = _specs(golden.references.get(variant, {})), _specs(outputs)
            if own != other:
                raise BundleError(
                    f"golden references of variant {variant!r} in {runtime!r} are {_shown(other)}; "
                    f"expected {_shown(own)}"
                )
    return GoldenIndex(
        n=golden.n if golden.inputs else 0,
        inputs=_specs(golden.inputs),
        labels=tuple(_plain(label) for label in golden.labels),
        encoded=tuple(encoded_file(index) for index in range(len(golden.encoded))),
        references={variant: _specs(outputs) for variant, outputs in sorted(golden.references.items())},
        other_runtimes={variant: tuple(sorted(found)) for variant, found in sorted(golden.other_runtimes.items())},
    )


def files_from_golden(golden: Golden, index: GoldenIndex) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files that hold golden samples."""
    for number, spec in enumerate(index.inputs):
        yield input_file(number), compressed_from_array(golden.inputs[spec.name], spec)
    for variant, runtime in recorded(index):
        outputs = golden.references[variant] if runtime is None else golden.other_runtimes[variant][runtime]
        for name, spec in reference_files(index, variant, runtime).items():
            yield name, compressed_from_array(outputs[spec.name], spec)
    yield from zip(index.encoded, golden.encoded, strict=True)


def golden_from_files(index: GoldenIndex, read: Callable[[str], bytes]) -> Golden:
    """Golden samples from their files.

    Raises:
        BundleError: a tensor is not what the index says, or does not fit into memory.
    """
    try:
        inputs = {spec.name: array_from_compressed(read(input_file(i)), spec) for i, spec in enumerate(index.inputs)}

        def outputs(variant: str, runtime: str | None = None) -> dict[str, Array]:
            files = reference_files(index, variant, runtime)
            return {spec.name: array_from_compressed(read(name), spec) for name, spec in files.items()}

        references = {variant: outputs(variant) for variant in index.references}
        others = {
            variant: {runtime: outputs(variant, runtime) for runtime in runtimes}
            for variant, runtimes in index.other_runtimes.items()
        }
        return Golden(inputs, references, index.labels, tuple(read(name) for name in index.encoded), others)
    except MemoryError as error:
        raise BundleError("its golden samples do not fit into memory") from error


def check_index(index: GoldenIndex, classes: int, variants: tuple[str, ...]) -> None:
    """Refuse an index that contradicts itself, the classes or the variants.

    Raises:
        BundleError: names the part.
    """
    if not 1 <= index.n <= _SAMPLES_MAX or not index.inputs:
        raise BundleError(
            f"it has {index.n} golden samples of {len(index.inputs)} inputs; expected at least one of each"
        )
    _check_labels(index, classes)
    if len(index.encoded) > index.n or index.encoded != tuple(encoded_file(i) for i in range(len(index.encoded))):
        raise BundleError("encoded golden samples must be numbered from 0 and at most as many as the samples")
    if set(index.references) != set(variants):
        found = ", ".join(sorted(index.references))[:200] or "nothing"
        raise BundleError(f"golden references are of {found}, expected {', '.join(variants)}")
    for specs in (index.inputs, *index.references.values()):
        _check_specs(specs, index.n)
    _check_runtimes(index)
    groups = (index.inputs, *(index.references[variant] for variant, _ in recorded(index)))
    if (total := sum(nbytes(spec) for specs in groups for spec in specs)) > _BYTES_MAX:
        raise BundleError(
            f"its golden samples come to {total / 1e9:.1f} GB; the limit is {_BYTES_MAX / 1e9:.1f}; use fewer"
        )


def _check_runtimes(index: GoldenIndex) -> None:
    for variant, runtimes in index.other_runtimes.items():
        if variant not in index.references:
            raise BundleError(f"golden references in other runtimes are of {variant[:80]!r}, which is no variant of it")
        if not runtimes or list(runtimes) != sorted(set(runtimes)):
            raise BundleError(f"golden references of variant {variant!r} must name other runtimes once, in order")


def _shown(specs: tuple[TensorSpec, ...]) -> str:
    return "; ".join(map(str, specs))[:200] or "nothing"


def _plain(label: Label) -> Label:
    return tuple(int(place) for place in label) if isinstance(label, tuple) else int(label)


def _check_labels(index: GoldenIndex, classes: int) -> None:
    places = [label if isinstance(label, tuple) else (label,) for label in index.labels]
    within = all(0 <= place < classes for found in places for place in found)
    rising = all(list(found) == sorted(set(found)) for found in places)
    alike = len({isinstance(label, tuple) for label in index.labels}) < 2
    if index.labels and not (len(index.labels) == index.n and within and rising and alike):
        raise BundleError(
            f"golden labels must be {index.n} numbers from 0 to {classes - 1}, or as many lists of them in rising "
            "order, or none"
        )


def _check_specs(specs: tuple[TensorSpec, ...], n: int) -> None:
    if not specs or len({spec.name for spec in specs}) != len(specs):
        raise BundleError("golden tensors need at least one, each with its own name")
    for spec in specs:
        sizes = spec.shape
        known = all(size is not None and 0 <= size < 1 << 40 for size in sizes)
        if not known or not 1 <= len(sizes) <= _DIMENSIONS_MAX or sizes[0] != n:
            raise BundleError(f"golden tensor {str(spec)[:200]!r} must have {n} samples first and no unknown size")


def _specs(arrays: Batch) -> tuple[TensorSpec, ...]:
    return tuple(_spec(name, array) for name, array in sorted(arrays.items()))


def _spec(name: str, array: Array) -> TensorSpec:
    for dtype in get_args(DType):
        if array.dtype == np.dtype(dtype):
            return TensorSpec(name, dtype, array.shape)
    raise BundleError(f"golden tensor {name!r} is {array.dtype}; a bundle holds {', '.join(get_args(DType))}")
