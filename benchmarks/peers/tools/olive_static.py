"""Olive's ``OnnxStaticQuantization`` pass on a CPU, with its defaults or as ONNX Runtime's advice for x86 has it.

The defaults are int8 weights and activations per tensor, MinMax, and every operator between Q/DQ pairs; the pass refers
to ONNX Runtime's documentation for the choice of types and per-channel weights, so the second way is uint8 and per
channel, and weights of 7 bits are for CPUs without VNNI there. The file is not ``olive.py``, which would hide the
package.
"""

from __future__ import annotations

import os
from typing import Any

from answer import Built, Task, answer
from onnx_nodes import onnx_nodes
from scope import float_nodes

os.environ["OLIVE_DISABLE_TELEMETRY"] = "1"

from olive.data.registry import Registry
from olive.workflows import run


def build(task: Task) -> Built:
    feeds = list(task.feeds())

    class Images:
        def __len__(self) -> int:
            return len(feeds)

        def __getitem__(self, index: int) -> tuple[dict[str, Any], int]:
            return {name: array[0] for name, array in feeds[index].items()}, 0

    Registry.register_dataset("calibration_images")(lambda **_: Images())
    settings: dict[str, Any] = {"type": "OnnxStaticQuantization", **task.options.get("pass", {})}
    if task.options.get("without_vnni"):
        settings["reduce_range"] = True
    excluded = float_nodes(onnx_nodes(task.model), task.options.get("float"))
    if excluded:
        settings["nodes_to_exclude"] = excluded
    run(
        {
            "input_model": {"type": "ONNXModel", "model_path": str(task.model)},
            "systems": {
                "here": {
                    "type": "LocalSystem",
                    "accelerators": [{"device": "cpu", "execution_providers": ["CPUExecutionProvider"]}],
                }
            },
            "data_configs": [
                {
                    "name": "calibration",
                    "load_dataset_config": {"type": "calibration_images"},
                    "dataloader_config": {"batch_size": 1},
                }
            ],
            "passes": {"quantize": {**settings, "data_config": "calibration"}},
            "host": "here",
            "target": "here",
            "cache_dir": str(task.out / "olive-cache"),
            "output_dir": str(task.out / "olive"),
        }
    )
    made = sorted((task.out / "olive").rglob("*.onnx"))
    if not made:
        raise RuntimeError("Olive ended without an output model; see its log")
    return Built(made[0], settings)


if __name__ == "__main__":
    raise SystemExit(answer(build, ("olive-ai", "onnxruntime", "onnx", "torch", "numpy")))
