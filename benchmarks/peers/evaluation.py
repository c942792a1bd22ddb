"""Every output in every runtime that takes it: what it decides on the test split, and how that differs from float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers.build import Finished
from peers.machine import float_precisions

from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.device.qualify import Settings, qualify
from edgetl.device.tasks.classify import TASK, logits_of
from edgetl.device.tasks.statistics import drop_check, drop_interval, flip_rate, wilson
from edgetl.errors import EdgeTLError
from edgetl.gates import Gates
from edgetl.plugins import BACKENDS, find
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.target import LOCAL
from edgetl.tensors import Array

Ints = NDArray[np.int64]
FLOAT = "float model"


@dataclass(frozen=True)
class Way:
    """One file in one runtime, at one precision of the layers that are not quantized."""

    tool: str
    model: Path
    runtime: str
    precision: str
    """As in ``LoadOptions``: of a quantized graph, ``int8`` computes its other layers in fp32."""

    @property
    def name(self) -> str:
        """Unlike any other's in a run."""
        return f"{self.tool} / {self.runtime} / {self.precision}"


@dataclass(frozen=True)
class Judged:
    """A way that ran over the whole test split."""

    way: Way
    logits: Array
    """Of shape ``(n, classes)``."""


def ways_of(done: Finished, float_model: Path, settings: Settings) -> tuple[Way, ...]:
    """How an output can be run here; of EdgeTL's bundle the one way that ``qualify`` chose.

    OpenVINO runs a quantized graph twice: its other layers in fp32, and in bf16, which is OpenVINO's own choice on a
    CPU with instructions for it.

    Raises:
        EdgeTLError: nothing in a bundle can be run, or all was rejected.
    """
    output, name = done.output, done.contender.name
    model = float_model if output.model is None else done.folder / output.model
    if model.suffix == ".edgetl":
        return (_selected(name, model, settings),)
    precisions: dict[str, tuple[str, ...]] = {"onnxruntime": (output.precision,), "openvino": (output.precision,)}
    if output.precision == "int8":
        precisions["openvino"] = ("int8", *(p for p in float_precisions() if p != "fp32"))
    return tuple(Way(name, model, runtime, one) for runtime in output.runtimes for one in precisions[runtime])


def float_ways(model: Path) -> tuple[Way, ...]:
    """The float model in fp32 in every runtime; the first is what all are compared with."""
    return tuple(Way(FLOAT, model, runtime, "fp32") for runtime in ("onnxruntime", "openvino"))


def load(way: Way, threads: int) -> Runner:
    """Load a file for one sample at a time; OpenVINO's IR goes the same way as ONNX.

    Raises:
        BackendError: the runtime refuses it.
    """
    backend: Backend = find(BACKENDS, way.runtime, "runtime")
    return backend.load(way.model, LoadOptions(threads=threads, precision=way.precision, batch=1))


def judged(way: Way, inputs: Mapping[str, Array], threads: int) -> Judged:
    """Run over every sample, one at a time.

    Raises:
        EdgeTLError: the runtime refuses the file, or an input.
    """
    runner = load(way, threads)
    try:
        outputs = [runner.infer(feeds) for feeds in samples(inputs)]
    finally:
        runner.close()
    return Judged(way, np.concatenate([logits_of(one) for one in outputs]))


def samples(inputs: Mapping[str, Array]) -> list[dict[str, Array]]:
    """One feed for each sample."""
    count = len(next(iter(inputs.values())))
    return [{name: array[index : index + 1] for name, array in inputs.items()} for index in range(count)]


def row(one: Judged, reference: Judged, labels: Ints, gates: Gates) -> dict[str, Any]:
    """Accuracy and flips (Wilson 1927) and the paired drop (Tango 1998) with 95 % intervals, and what the gate says."""
    hits, reference_hits = (TASK.hits({"logits": some.logits}, labels) for some in (one, reference))
    flips = flip_rate(_decisions(reference), _decisions(one))
    check = drop_check("drop on the test split", reference_hits, hits, gates)
    lost, won = (int(np.count_nonzero(some)) for some in (reference_hits & ~hits, hits & ~reference_hits))
    right, n = int(np.count_nonzero(hits)), len(labels)
    return {
        "tool": one.way.tool,
        "runtime": one.way.runtime,
        "precision": one.way.precision,
        "file_sha256": sha256_of(one.way.model),
        "n": n,
        "accuracy": right / n,
        "accuracy_ci95": wilson(right, n),
        "flips": flips.value,
        "flips_ci95": flips.ci95,
        "drop": check.value,
        "drop_ci95": drop_interval(lost, won, n),
        "within_gate": check.passed,
        "gate": check.reason,
    }


def refusal(way: Way, error: EdgeTLError) -> dict[str, Any]:
    """The row of a way that does not run."""
    return {"tool": way.tool, "runtime": way.runtime, "precision": way.precision, "failed": str(error)}


def _decisions(one: Judged) -> Ints:
    return TASK.decisions({"logits": one.logits})


def _selected(name: str, path: Path, settings: Settings) -> Way:
    bundle = Bundle.open(path)
    result = qualify(bundle, LOCAL, settings)
    if result.selected is None:
        reasons = "; ".join(f"{one.name}: {one.rejected_because}" for one in result.candidates)
        raise EdgeTLError(f"no candidate of the bundle passed ({reasons})")
    chosen = result.candidate(result.selected)
    model = bundle.model(chosen.variant, settings.cache_dir / "models")
    return Way(f"{name}: {chosen.variant}", model, chosen.runtime, chosen.precision)
