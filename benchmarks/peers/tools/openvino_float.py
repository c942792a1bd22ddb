"""OpenVINO's own way without a file: the float model, computed in bf16 where the CPU has instructions for it."""

from __future__ import annotations

from answer import Built, Task, answer


def build(task: Task) -> Built:
    precision = "fp32" if task.options.get("without_bf16") else "bf16"
    hint = {"fp32": "f32", "bf16": "bf16"}[precision]
    return Built(None, {"INFERENCE_PRECISION_HINT": hint}, precision=precision, runtimes=("openvino",))


if __name__ == "__main__":
    raise SystemExit(answer(build, ("openvino",)))
