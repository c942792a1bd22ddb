"""Q/DQ insertion by ONNX Runtime's quantizer with EdgeTL's own ranges.

This is the only importer of ``onnxruntime.quantization``.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from edgetl.errors import MissingExtra, Unsupported
from edgetl.host.graph import sort_nodes

_TYPES = {"int8": "QInt8", "uint8": "QUInt8"}


@dataclass(frozen=True)
class Surgery:
    """Where Q/DQ pairs go and of what kind.

    ``activations`` is ``uint8`` or ``int8``; ``narrow`` keeps weights within [-64, 64]; ``signed`` names activations
    that are int8 with a zero point of 0 whatever the others are; ``options`` are the ``extra_options`` of ONNX
    Runtime's ``QDQQuantizer``.
    """

    activations: str
    op_types: tuple[str, ...]
    keep_float: frozenset[str]
    narrow: bool = False
    signed: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(default_factory=dict)


def insert(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]], surgery: Surgery) -> onnx.ModelProto:
    """A Q/DQ copy of a float graph; weights are int8, one scale per output channel.

    Args:
        model: float, with shapes inferred (tensors without a known type are left in float).
        ranges: lowest and highest value of every tensor that may be quantized.

    Raises:
        Unsupported: a tensor to quantize has no range.
        MissingExtra: onnxruntime is not installed.
    """
    quantization = _quantization()
    lowest_highest = {
        name: quantization.TensorData(lowest=np.array(low, np.float32), highest=np.array(high, np.float32))
        for name, (low, high) in sorted(ranges.items())
    }
    method = quantization.CalibrationMethod.MinMax
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    # tells the quantizer that shapes are inferred, so that it does not write the model to a file to infer them
    onnx.helper.set_model_props(copy, {"onnx.infer": "onnxruntime.quant"})
    with _silence():
        try:
            quantizer = quantization.QDQQuantizer(
                copy,
                True,
                surgery.narrow,
                quantization.QuantType.QInt8,
                quantization.QuantType[_TYPES[surgery.activations]],
                quantization.TensorsData(method, lowest_highest),
                [],
                sorted(surgery.keep_float),
                list(surgery.op_types),
                _options(surgery, quantization),
            )
            quantized: onnx.ModelProto = quantizer.quantize_model()
        except (IndexError, KeyError, ValueError) as error:
            raise Unsupported(f"cannot quantize the graph: {error}; calibrate this very graph") from error
    return sort_nodes(quantized)


def _options(surgery: Surgery, quantization: Any) -> dict[str, Any]:
    signed = {"quant_type": quantization.QuantType.QInt8, "symmetric": True}
    overrides = {name: [dict(signed)] for name in sorted(surgery.signed)}
    return {**surgery.options, **({"TensorQuantOverrides": overrides} if overrides else {})}


def _quantization() -> Any:
    try:
        from onnxruntime import quantization  # an optional runtime
        from onnxruntime.quantization.calibrate import TensorData, TensorsData
        from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    except ImportError as error:
        raise MissingExtra("onnxruntime", extra="onnxruntime") from error
    return _Names(quantization.CalibrationMethod, quantization.QuantType, TensorData, TensorsData, QDQQuantizer)


@dataclass(frozen=True)
class _Names:
    CalibrationMethod: Any
    QuantType: Any
    TensorData: Any
    TensorsData: Any
    QDQQuantizer: Any


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Hold back what the quantizer prints and logs: it speaks of options that are decided here."""
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
