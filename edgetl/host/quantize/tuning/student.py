"""A Q/DQ graph that learns."""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import torch
from torch import Tensor

from edgetl.host.quantize.tuning.distillation import Match, loss
from edgetl.host.quantize.tuning.lessons import Lessons
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
        """Of one batch, with gradients."""
        return loss(self.program(lessons.images, self.masters.given()), lessons.wanted, self.pairs)

    def examine(self, lessons: Lessons) -> float:
        """Of any number of images, batch by batch, without gradients."""
        with torch.no_grad():
            given = self.masters.given()
            parts = [self.program(part.images, given) for part in lessons.in_batches(self.batch)]
            got = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
            return float(loss(got, lessons.wanted, self.pairs))


def _fixed_batch(model: onnx.ModelProto) -> int:
    """Images that the graph takes at once; 0 for any number."""
    size: int = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    return size
