"""One node's call of an operator: what it reads, and how it is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from edgetl.errors import Unsupported


@dataclass(frozen=True)
class Call:
    """Inputs and attributes of a node; 8-bit tensors of Q/DQ pairs are floats that hold integers."""

    kind: str
    inputs: tuple[Tensor | None, ...]
    """``None`` where an optional input is left out."""
    attributes: Mapping[str, Any]
    outputs: int = 1
    dtypes: tuple[Any, ...] = ()
    """Of the inputs as the graph has them, in numpy's words; ``None`` for what is not constant."""

    def tensor(self, place: int) -> Tensor:
        """An input that must be there."""
        found = self.optional(place)
        if found is None:
            raise Unsupported(f"operator {self.kind} lacks its input {place}")
        return found

    def optional(self, place: int) -> Tensor | None:
        """An input, or ``None`` where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def numbers(self, place: int, name: str = "") -> tuple[int, ...] | None:
        """Integers that are an input in newer opsets and an attribute in older ones; ``None`` without either."""
        found = self.optional(place)
        if found is not None:
            return tuple(int(number) for number in found.reshape(-1).tolist())
        values = self.attributes.get(name)
        return None if values is None else tuple(int(number) for number in values)

    def text(self, name: str, default: str) -> str:
        """An attribute that is a word."""
        found = self.attributes.get(name)
        return default if found is None else bytes(found).decode()

    def refuse(self, what: str) -> Unsupported:
        """The error for a setting that has no counterpart here."""
        return Unsupported(f"operator {self.kind} with {what} cannot be tuned; leave this rung out")


Operator: TypeAlias = Callable[[Call], "Tensor | tuple[Tensor, ...]"]
