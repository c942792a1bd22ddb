"""Where a model is to run."""

from __future__ import annotations

from typing import Literal

import msgspec

Precision = Literal["fp32", "fp16", "bf16", "int8"]
RuntimeName = Literal["onnxruntime", "openvino", "tensorrt"]


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of device: the runtimes to try on it and the thread counts worth timing."""

    name: str
    runtimes: tuple[str, ...]
    threads: tuple[int, ...] = ()
    """Thread counts to try; empty means all CPUs this process may use."""
    sensor: str | None = None


LOCAL = Target("local", runtimes=("onnxruntime", "openvino"))
"""The machine this process runs on, with every runtime that is installed."""
