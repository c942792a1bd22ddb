"""ONNX Runtime's post-training quantization as its documentation advises on x86.

"Quantize ONNX models" (onnxruntime.ai/docs/performance/model-optimizations/quantization.html): pre-process first;
static quantization for CNNs, dynamic for transformers, and for these the Transformer Model Optimization Tool before
it, which makes the operators that attention is quantized in. QDQ with S8S8 is the default, and U8S8 gives more speed
on x86 at good accuracy; per-channel where accuracy is lost; reduce_range only without VNNI.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from answer import Built, Task, answer
from onnx_nodes import onnx_nodes
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.optimizer import optimize_model
from scope import float_nodes

DYNAMIC = ["Attention", "EmbedLayerNormalization", "Gather", "LSTM", "MatMul", "Transpose"]
"""What is quantized dynamically, Gemm as a MatMul: the default without Conv, which has no kernel for int8."""


class Samples(CalibrationDataReader):
    def __init__(self, feeds: Iterator[dict[str, np.ndarray]]) -> None:
        self._feeds = feeds

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._feeds, None)


def static(task: Task) -> Built:
    prepared, out = task.out / "prepared.onnx", task.out / "model.onnx"
    notes = pre_process(str(task.model), str(prepared))
    excluded = float_nodes(onnx_nodes(prepared), task.options.get("float"))
    quantize_static(
        str(prepared),
        str(out),
        Samples(task.feeds()),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        calibrate_method=CalibrationMethod.MinMax,
        reduce_range=reduced(task),
        nodes_to_exclude=excluded,
    )
    settings = {
        "pre_process": True,
        "format": "QDQ",
        "activations": "QUInt8",
        "weights": "QInt8",
        "per_channel": True,
        "calibration": "MinMax",
        "reduce_range": reduced(task),
        "nodes_to_exclude": excluded,
    }
    return Built(out, settings, notes=notes)


def dynamic(task: Task) -> Built:
    prepared, out = task.out / "prepared.onnx", task.out / "model.onnx"
    notes = pre_process(str(task.model), str(prepared))
    quantize_dynamic(str(prepared), str(out), op_types_to_quantize=DYNAMIC, reduce_range=reduced(task))
    settings = {"pre_process": True, "weights": "QInt8", "op_types_to_quantize": DYNAMIC, "reduce_range": reduced(task)}
    return Built(out, settings, notes=notes)


def optimized_dynamic(task: Task) -> Built:
    prepared, out = task.out / "prepared.onnx", task.out / "model.onnx"
    # its fusions alone: what it would have ONNX Runtime do first needs torch, and all of a BERT is fused without
    optimized = optimize_model(str(task.model), model_type="bert", opt_level=0)
    optimized.save_model_to_file(str(prepared))
    fused = {name: count for name, count in optimized.get_fused_operator_statistics().items() if count}
    # no shapes or types are inferred through operators of its own, and its error asks for this
    extra = {"DefaultTensorType": onnx.TensorProto.FLOAT}
    how: dict[str, Any] = {"op_types_to_quantize": DYNAMIC, "reduce_range": reduced(task)}
    quantize_dynamic(str(prepared), str(out), **how, extra_options=extra)
    settings = {"optimizer": "bert", "fused": fused, "weights": "QInt8", **how}
    # its operators are ONNX Runtime's own
    return Built(out, settings, runtimes=("onnxruntime",))


WAYS: Mapping[str, Callable[[Task], Built]] = {
    "static": static,
    "dynamic": dynamic,
    "optimized dynamic": optimized_dynamic,
}


def build(task: Task) -> Built:
    return WAYS[task.options["way"]](task)


def reduced(task: Task) -> bool:
    """Whether weights are to have 7 bits."""
    return bool(task.options.get("without_vnni"))


def pre_process(model: str, out: str) -> tuple[str, ...]:
    """As it comes; without symbolic shapes, which the documentation calls best suited for transformers, if it fails."""
    try:
        quant_pre_process(model, out)
    except Exception as error:  # noqa: BLE001 - the shape inference raises anything
        quant_pre_process(model, out, skip_symbolic_shape=True)
        return (f"quant_pre_process fails on this network ({type(error).__name__}) unless skip_symbolic_shape=True",)
    return ()


if __name__ == "__main__":
    raise SystemExit(answer(build, ("onnxruntime", "onnx", "numpy")))
