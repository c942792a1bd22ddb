"""Samples with the host's answers, so that a device can prove that it computes the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from edgetl.errors import Unsupported
from edgetl.tensors import Array, TensorSpec

Label: TypeAlias = "int | tuple[int, ...]"
"""What is true of a sample: its class, or, where it may have several or none, all of its classes in rising order."""


class GoldenIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a :class:`Golden` is in a bundle."""

    n: int
    inputs: tuple[TensorSpec, ...]
    labels: tuple[int | tuple[int, ...], ...]
    """Class, or classes, of each sample; empty without labels."""
    encoded: tuple[str, ...]
    """Files of the first samples as they came, for the decoder check; empty with ``include_images = false``, which
    leaves out these files only: ``inputs`` are always there, and are the same pictures at the model's size."""
    references: dict[str, tuple[TensorSpec, ...]]
    """Outputs per variant."""
    other_runtimes: dict[str, tuple[str, ...]] = {}
    """Per variant, further runtimes whose outputs are there, too: of the same names, dtypes and shapes."""


@dataclass(frozen=True)
class Golden:
    """Samples as the model takes them, with reference outputs of every variant.

    ``inputs`` are pictures that can be looked at, and are in every bundle; ``encoded`` are the files they came from,
    and are left out with ``include_images = false``.

    Every array has the sample as its first dimension, ``n`` in all.
    """

    inputs: dict[str, Array]
    references: dict[str, dict[str, Array]]
    """By variant, then output name; recorded on the host."""
    labels: tuple[Label, ...] = ()
    encoded: tuple[bytes, ...] = field(default=(), repr=False)
    other_runtimes: dict[str, dict[str, dict[str, Array]]] = field(default_factory=dict)
    """By variant, runtime, then output name: the same in runtimes that ``references`` are not of."""

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(next(iter(self.inputs.values())))

    def reference(self, variant: str, runtime: str) -> dict[str, Array]:
        """What a variant has to compute in a runtime: what the host did in that one where it tried, else in its own.

        Raises:
            Unsupported: there is no reference of the variant.
        """
        if variant not in self.references:
            raise Unsupported(
                f"no golden reference of variant {variant!r}; there are {', '.join(sorted(self.references))}"
            )
        return self.other_runtimes.get(variant, {}).get(runtime, self.references[variant])
