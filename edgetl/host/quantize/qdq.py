"""Q/DQ renderings as declarations: which types, which range of weights, which nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import onnx

from edgetl.errors import Unsupported
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.coverage import coverage
from edgetl.host.quantize.dead_channels import fine_steps
from edgetl.host.quantize.float_layers import with_own_steps
from edgetl.host.quantize.frame import checked, deliver, with_clipped
from edgetl.host.quantize.integer_sums import integer_sums
from edgetl.host.quantize.lint import lint
from edgetl.host.quantize.opset import raised_opset
from edgetl.host.quantize.placement import float_streams
from edgetl.host.quantize.record import CalibrationRecord
from edgetl.host.quantize.rewrites import (
    add_missing_biases,
    fuse_normalisation,
    plain_gemms,
    unshare_weights,
    without_loose_bounds,
)
from edgetl.host.quantize.straight import straight_in
from edgetl.host.quantize.surgery import Surgery, insert
from edgetl.host.quantize.treatments import Rendered, refine
from edgetl.target import Precision, RuntimeName

Rewrite = Callable[[onnx.ModelProto], onnx.ModelProto]
OPSET = 13
"""The first in which integers have a scale for each channel."""
OP_TYPES = ("Add", "Clip", "Conv", "Gemm", "MatMul", "MaxPool", "Relu")
"""What ONNX Runtime computes on integers and gains time by."""
FLOAT_PRODUCTS: Mapping[str, Any] = {"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]}
"""Results of products stay in float: unlike convolutions they are computed on integers all the same, and what comes
behind them (GELU, layer normalisation, attention) is in float anyway."""


def _as_it_is(model: onnx.ModelProto) -> onnx.ModelProto:
    return model


def _as_it_was(quantized: onnx.ModelProto, _: onnx.ModelProto) -> onnx.ModelProto:
    return quantized


def _none(_: onnx.ModelProto) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True)
class QdqRendering:
    """A rendering by ONNX Runtime's quantizer; weights are int8, symmetric, one scale per output channel."""

    name: str
    activations: Literal["uint8", "int8"]
    runtimes: frozenset[RuntimeName]
    symmetric: bool = False
    """Whether the zero point of every activation is the middle of its type."""
    weight_bits: Literal[7, 8] = 8
    """7 keeps weights within [-64, 64]."""
    op_types: tuple[str, ...] = OP_TYPES
    better_in_float: Callable[[onnx.ModelProto], frozenset[str]] = _none
    """Nodes that lose by quantization on this target."""
    signed: Callable[[onnx.ModelProto], frozenset[str]] = _none
    """Activations of int8 with a zero point of 0, whatever the others are."""
    prepare: Rewrite = _as_it_is
    """Rewrite of the float graph beforehand."""
    finish: Callable[[onnx.ModelProto, onnx.ModelProto], onnx.ModelProto] = _as_it_was
    """Rewrite of the Q/DQ graph afterwards, given also the float graph that it was made from."""
    is_stream_float: bool = False
    """Whether nodes in float read what others in float made, instead of what was rounded for a layer beside them."""
    is_bias_integer: bool = False
    """Whether constants that sums add to products are int32, as the biases of other layers are by ``options``."""
    is_float_kept: bool = False
    """Whether layers in float are written so that ONNX Runtime leaves them in float."""
    is_image_read: bool = False
    """Whether the first convolution reads the bytes of an image as they are, where they can be that."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """``extra_options`` of ONNX Runtime's ``QDQQuantizer``, besides those that follow from the fields above."""
    opened_by: RuntimeName = "onnxruntime"
    """What has to load the graph on the host."""
    precision: Precision = "int8"

    def render(self, model: Path, record: CalibrationRecord, out: Path, settings: RenderSettings) -> None:
        """Write a Q/DQ graph with the same inputs and outputs; equal arguments give equal bytes.

        Raises:
            Unsupported: the record is of another graph, a node to keep does not exist, or no layer is left to quantize.
        """
        graph = self.prepare(raised_opset(checked(model, record, settings), OPSET, "scales for each channel"))
        unshare_weights(graph)
        plain_gemms(graph)
        add_missing_biases(graph)
        ranges, keep = record.ranges(settings.estimator), settings.keep_float | self.better_in_float(graph)
        on_integers = {node.name for node in graph.graph.node if node.op_type in self.op_types} - keep
        without_loose_bounds(graph, {name: high for name, (_, high) in ranges.items()}, on_integers)
        surgery = self._surgery(keep, self.signed(graph))
        quantized = insert(onnx.shape_inference.infer_shapes(graph), with_clipped(graph, ranges), surgery)
        fine_steps(quantized, graph)
        if self.is_stream_float:
            float_streams(quantized, on_integers)
        if self.is_bias_integer:
            integer_sums(quantized, settings.keep_float)
        if self.is_float_kept:
            with_own_steps(quantized)
        quantized = self.finish(quantized, graph)
        if not coverage(quantized).quantized:
            raise Unsupported(
                f"rendering {self.name!r} quantizes no layer of {model.name!r}: every one is to stay in float or would "
                f"lose by it; leave {self.name!r} out of renderings in [quantize]"
            )
        refine(Rendered(quantized, graph, record, settings.moments, settings.treatments))
        if self.is_image_read:
            straight_in(quantized)
        lint(quantized, graph, settings.keep_float & {node.name for node in graph.graph.node})
        deliver(quantized, self.name, out, self.opened_by)

    def _surgery(self, keep: frozenset[str], signed: frozenset[str]) -> Surgery:
        options = {"ActivationSymmetric": self.symmetric, "WeightSymmetric": True, **self.options}
        return Surgery(self.activations, self.op_types, keep, self.weight_bits == 7, signed, options)


def fused(model: onnx.ModelProto) -> onnx.ModelProto:
    """The input's normalisation as one node (:func:`edgetl.host.quantize.rewrites.fuse_normalisation`)."""
    fuse_normalisation(model)
    return model
