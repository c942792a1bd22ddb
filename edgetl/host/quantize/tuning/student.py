"""A Q/DQ graph that learns."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import torch
from torch import Tensor

from edgetl.errors import Unsupported
from edgetl.host.quantize.tuning.distillation import Match, loss
from edgetl.host.quantize.tuning.lessons import Lessons, together
from edgetl.host.quantize.tuning.masters import Masters
from edgetl.host.quantize.tuning.program import Program


@dataclass(frozen=True)
class Student:
    """The graph as a program, and what is trained of it."""

    program: Program
    masters: Masters
    pairs: tuple[Match, ...]
    batch: int

    @classmethod
    def of(cls, quantized: onnx.ModelProto, masters: Masters, pairs: tuple[Match, ...], batch: int) -> Student:
        """Look up the operators.

        Raises:
            Unsupported: one is not known here.
        """
        program = Program(quantized, [pair.got for pair in pairs], masters.names)
        return cls(program, masters, pairs, _fixed_batch(quantized) or batch)

    def loss(self, lessons: Lessons) -> Tensor:
        """Of some samples, of one shape at a time, with gradients.

        Raises:
            Unsupported: a tensor that is compared does not have the sample first.
        """
        given = self.masters.given()
        got: dict[str, list[Tensor]] = {pair.got: [] for pair in self.pairs}
        wanted: dict[str, list[Tensor]] = {pair.wanted: [] for pair in self.pairs}
        for lesson in together(lessons, self.batch):
            found = self.program(lesson.feeds, given)
            for pair in self.pairs:
                if found[pair.got].shape != lesson.wanted[pair.wanted].shape:
                    raise Unsupported(
                        f"tensor {pair.got!r} does not have the sample as its first dimension, so graphs cannot be "
                        "compared by it; leave this rung out"
                    )
                got[pair.got].append(_rows(found[pair.got], pair))
                wanted[pair.wanted].append(_rows(lesson.wanted[pair.wanted], pair))
        return loss(_whole(got), _whole(wanted), self.pairs)

    def examine(self, lessons: Lessons) -> float:
        """The same without gradients."""
        with torch.no_grad():
            return float(self.loss(lessons))


def _rows(tensor: Tensor, pair: Match) -> Tensor:
    """Logits row by row and features number by number: all that a loss looks at, whatever the shape of the sample."""
    return tensor.flatten(0, -2) if pair.are_logits else tensor.flatten()


def _whole(parts: dict[str, list[Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat(tensors) for name, tensors in parts.items()}


def _fixed_batch(model: onnx.ModelProto) -> int:
    """Samples that the graph takes at once; 0 for any number."""
    size: int = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    return size
