"""The tables of everything that can be added, and the one way to look something up.

A table maps a name to ``module:attribute``, so that it lists what is not installed. Adding an entry is one module and
one line here; ``tests/conformance`` tests every entry.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Literal

from edgetl.errors import Unsupported

BACKENDS: Mapping[str, str] = {
    "onnxruntime": "edgetl.device.backends.onnxruntime:BACKEND",
    "openvino": "edgetl.device.backends.openvino:BACKEND",
}
"""Runtimes of the device side: values of :class:`edgetl.runner.Backend`."""

METHODS: Mapping[str, str] = {
    "finetune": "edgetl.host.adapt.finetune:METHOD",
    "linear-probe": "edgetl.host.adapt.linear_probe:METHOD",
    "scratch": "edgetl.host.adapt.scratch:METHOD",
}
"""Ways to adapt a backbone: values of :class:`edgetl.host.adapt.Method`."""

RENDERINGS: Mapping[str, str] = {
    "arm": "edgetl.host.quantize.arm:RENDERING",
    "bf16": "edgetl.host.quantize.bf16:RENDERING",
    "fp16": "edgetl.host.quantize.fp16:RENDERING",
    "openvino": "edgetl.host.quantize.openvino:RENDERING",
    "tensorrt": "edgetl.host.quantize.tensorrt:RENDERING",
    "x86": "edgetl.host.quantize.x86:RENDERING",
    "x86-vnni": "edgetl.host.quantize.x86_vnni:RENDERING",
}
"""Ways to write a graph for a kind of target: values of :class:`edgetl.host.quantize.Rendering`."""

TREATMENTS: Mapping[str, str] = {
    "fold-normalisation": "edgetl.host.quantize.treatments.fold_normalisation:TREATMENT",
    "equalise": "edgetl.host.quantize.treatments.equalise:TREATMENT",
    "smooth": "edgetl.host.quantize.treatments.smooth:TREATMENT",
    "adaptive-rounding": "edgetl.host.quantize.treatments.adaptive_rounding:TREATMENT",
    "bias-correction": "edgetl.host.quantize.treatments.bias_correction:TREATMENT",
}
"""Ways to lose less by quantization, in the order in which they are applied: values of
:class:`edgetl.host.quantize.treatments.GraphTreatment` or ``RenderingTreatment``."""

TARGETS: Mapping[str, str] = {
    "local": "edgetl.target:LOCAL",
}
"""Where a model runs: values of :class:`edgetl.target.Target`."""

SENSORS: Mapping[str, str] = {
    "ina238": "edgetl.device.sensors.ina238:SENSOR",
    "ina3221": "edgetl.device.sensors.ina3221:SENSOR",
    "tegrastats": "edgetl.device.sensors.tegrastats:SENSOR",
    "rapl": "edgetl.device.sensors.rapl:SENSOR",
    "nvml": "edgetl.device.sensors.nvml:SENSOR",
    "thermal": "edgetl.device.sensors.thermal:SENSOR",
    "cooling": "edgetl.device.sensors.cooling:SENSOR",
    "clocks": "edgetl.device.sensors.clocks:SENSOR",
    "jetson-overcurrent": "edgetl.device.sensors.jetson_overcurrent:SENSOR",
    "raspberry-pi": "edgetl.device.sensors.raspberry_pi:SENSOR",
    "core-throttle": "edgetl.device.sensors.core_throttle:SENSOR",
}
"""Sources of power, heat, clocks and throttling: values of :class:`edgetl.telemetry.Sensor`. Of several that tell what
the whole device draws, the first counts."""

TASKS: Mapping[str, tuple[str, str]] = {
    "classify": ("edgetl.host.tasks.classify:TASK", "edgetl.device.tasks.classify:TASK"),
    "multilabel": ("edgetl.host.tasks.multilabel:TASK", "edgetl.device.tasks.multilabel:TASK"),
    "tensor": ("edgetl.host.tasks.tensor:TASK", "edgetl.device.tasks.tensor:TASK"),
}
"""What is predicted: the host half and the device half."""


def find(table: Mapping[str, str], name: str, kind: str) -> Any:
    """Import the entry ``name`` of a table.

    Args:
        kind: what the table holds, for the message ("runtime", "method").

    Raises:
        Unsupported: the table has no such entry; the message lists what it has.
    """
    if name not in table:
        raise Unsupported(f"unknown {kind} {name!r}; expected one of: {', '.join(sorted(table)) or 'none yet'}")
    return resolve(table[name])


def find_task(name: str, half: Literal["host", "device"]) -> Any:
    """Import one half of a task.

    Raises:
        Unsupported: there is no such task; the message lists those there are.
    """
    place = 0 if half == "host" else 1
    return find({task: halves[place] for task, halves in TASKS.items()}, name, "task")


def resolve(dotted: str) -> Any:
    """Import ``module:attribute``."""
    module, _, attribute = dotted.partition(":")
    return getattr(importlib.import_module(module), attribute)
