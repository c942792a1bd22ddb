"""NNCF's post-training quantization of the OpenVINO model, in its own steps from basic to accuracy control.

"Quantizing models post-training" (docs.openvino.ai): ``nncf.quantize`` with its defaults and 300 samples first; the
``mixed`` preset where activations are not symmetric; ``fast_bias_correction=False`` and ``ignored_scope`` where
accuracy is lost; ``quantize_with_accuracy_control`` where a drop must be held, on the float model as it is. "Saturation
(overflow) issue workaround" has every layer's weights in half of their range (``overflow_fix``) on a CPU without VNNI.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import nncf
import numpy as np
import openvino as ov
from answer import Built, Task, answer
from scope import Node, float_nodes


def build(task: Task) -> Built:
    # read_model leaves biases behind computed shapes: NNCF then corrects none of them, and does not say so
    options, path = task.options, str(task.model)
    model = ov.Core().read_model(path) if options.get("read_model") else ov.convert_model(path)
    scope = float_nodes(openvino_nodes(model), options.get("float"))
    settings: dict[str, Any] = {
        "preset": options.get("preset"),
        "fast_bias_correction": options.get("fast_bias_correction", True),
        "subset_size": 300,
    }
    arguments = {
        **settings,
        "preset": nncf.QuantizationPreset(settings["preset"]) if settings["preset"] else None,
        "ignored_scope": nncf.IgnoredScope(names=scope) if scope else None,
        "model_type": nncf.ModelType.TRANSFORMER if options.get("transformer") else None,
    }
    if options.get("without_vnni"):
        settings["overflow_fix"] = "enable"
        fix = nncf.OverflowFix.ENABLE
        arguments["advanced_parameters"] = nncf.AdvancedQuantizationParameters(overflow_fix=fix)
    calibration = nncf.Dataset(list(task.feeds()))
    if "max_drop" in options:
        settings["max_drop"] = options["max_drop"]
        labelled = list(zip(task.feeds("validation"), task.labels("validation"), strict=True))
        validation = nncf.Dataset(labelled, lambda item: item[0])
        if "advanced_parameters" in arguments:
            arguments["advanced_quantization_parameters"] = arguments.pop("advanced_parameters")
        quantized = nncf.quantize_with_accuracy_control(
            model, calibration, validation, accuracy, max_drop=options["max_drop"], **arguments
        )
    else:
        quantized = nncf.quantize(model, calibration, **arguments)
    out = task.out / "model.xml"
    ov.save_model(quantized, str(out), compress_to_fp16=False)
    return Built(out, {**settings, "ignored_scope": scope}, runtimes=("openvino",))


def accuracy(model: ov.CompiledModel, items: Iterable[tuple[dict[str, np.ndarray], int]]) -> tuple[float, list[float]]:
    """Share of samples that are right, and whether each is."""
    hits = [float(np.argmax(model(feeds)[0]) == label) for feeds, label in items]
    return float(np.mean(hits)), hits


def openvino_nodes(model: ov.Model) -> list[Node]:
    """Operators in the order in which they run; constants are none."""
    return [
        Node(
            node.get_friendly_name(),
            node.get_type_name(),
            tuple(
                target.get_node().get_friendly_name()
                for output in node.outputs()
                for target in output.get_target_inputs()
            ),
        )
        for node in model.get_ordered_ops()
        if node.get_type_name() != "Constant"
    ]


if __name__ == "__main__":
    raise SystemExit(answer(build, ("nncf", "openvino", "numpy")))
