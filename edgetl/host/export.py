"""The one road out of torch: a trunk becomes one ONNX file, optimised pass by pass, each pass proven or reverted."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxscript
import timm
import torch
from onnxscript import optimizer, rewriter

from edgetl.check import Check
from edgetl.device.verify import Tolerance, parity
from edgetl.errors import EdgeTLError
from edgetl.host.data.stream import stream
from edgetl.host.fingerprint import code_digest
from edgetl.host.graph import FEATURES, sort_nodes, write_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.workspace import Workspace
from edgetl.preprocess import Preprocess
from edgetl.tensors import Array, Batch, Feed

INPUT = "image"
OPSET = 18

PASS_IMAGES = 4
PASS_TOLERANCE = Tolerance(atol=1e-3, rtol=1e-3)
"""Passes reorder float32 arithmetic; anything beyond a thousandth of the output's spread is a wrong pass."""


@dataclass(frozen=True)
class GraphPass:
    """One optimisation of a graph."""

    name: str
    apply: Callable[[onnx.ModelProto], onnx.ModelProto]


@dataclass(frozen=True)
class PassReport:
    """What became of a pass."""

    name: str
    kept: bool
    nodes: int
    """Nodes of the graph afterwards."""
    reason: str


PASSES = (
    GraphPass("fold constants and fuse", optimizer.optimize),
    GraphPass("rewrite patterns", rewriter.rewrite),
)


def to_onnx(module: torch.nn.Module, preprocess: Preprocess) -> onnx.ModelProto:
    """Export a trunk, ``uint8 (N, h, w, 3)`` to ``float32 (N, features)``, without any optimisation.

    Raises:
        EdgeTLError: torch cannot express the module as a graph.
    """
    example = torch.zeros((2, preprocess.height, preprocess.width, 3), dtype=torch.uint8)
    try:
        with _silence():
            program = torch.onnx.export(
                module,
                (example,),
                dynamo=True,
                opset_version=OPSET,
                optimize=False,
                dynamic_shapes=({0: torch.export.Dim("N")},),
                input_names=[INPUT],
                output_names=[FEATURES],
                verbose=False,
            )
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        raise EdgeTLError(f"torch cannot export {type(module).__name__} to ONNX: {error}") from error
    if program is None:
        raise EdgeTLError(f"torch exported nothing for {type(module).__name__}")
    return sizes_behind_cast(program.model_proto)


def sizes_behind_cast(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let nodes that ask for the image's size ask it of the Cast's output, which has the same; changed in place.

    Networks with tokens ask how many images there are. The Cast is then the input's only reader, as on TensorRT it
    must be.
    """
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] == INPUT]
    for node in model.graph.node:
        if casts and node.op_type == "Shape" and node.input[0] == INPUT:
            node.input[0] = casts[0].output[0]
    return sort_nodes(model)


def optimise(
    model: onnx.ModelProto, samples: tuple[Feed, ...], scratch: Path, passes: tuple[GraphPass, ...] = PASSES
) -> tuple[onnx.ModelProto, tuple[PassReport, ...]]:
    """Apply each pass; one that fails, or changes the outputs on real samples, is reverted.

    Args:
        samples: what the model takes for each, at least one.
        scratch: a folder for the graphs under test.
    """
    reports = []
    reference = _outputs(model, samples, scratch / "reference.onnx")
    for step in passes:
        reason, changed = "", model
        try:
            changed = step.apply(_copy(model))
            checks = parity(
                _outputs(changed, samples, scratch / "changed.onnx"), reference, scaled(PASS_TOLERANCE, reference)
            )
            reason = "; ".join(check.reason for check in checks if not check.passed)
        except Exception as error:  # noqa: BLE001 - foreign passes raise anything; the graph before them is sound
            reason = f"{type(error).__name__}: {error}"
        model = model if reason else changed
        reports.append(PassReport(step.name, not reason, len(model.graph.node), reason))
    return model, tuple(reports)


def trunk_graph(module: torch.nn.Module, workspace: Workspace) -> Path:
    """The optimised ONNX graph of a trunk, from the cache when the same weights were exported before."""
    height, width = workspace.preprocess.height, workspace.preprocess.width
    tools = [str(torch.__version__), onnxscript.__version__, onnx.__version__, timm.__version__]
    parts = [module_digest(module), height, width, OPSET, tools, code_digest()]

    def make(path: Path) -> None:
        with workspace.progress.stage("export the trunk to ONNX"):
            export(path)

    def export(path: Path) -> None:
        images = tuple(stream(workspace.splits.train[:PASS_IMAGES], workspace.preprocess, threads=workspace.threads))
        with tempfile.TemporaryDirectory(prefix="edgetl-passes-") as scratch:
            model, reports = optimise(to_onnx(module, workspace.preprocess), images, Path(scratch))
        for report in reports:
            if not report.kept:
                workspace.progress.note(f"graph pass {report.name!r} reverted: {report.reason}")
        write_graph(model, path)

    return workspace.cache.file("trunk", parts, ".onnx", make)


def torch_parity(expected: Batch, outputs: Batch, name: str) -> Check:
    """Compare an exported graph with the torch module on real images; a gate.

    The value is the largest ``|a - b| / (atol + rtol |b|)``, with ``atol`` a thousandth of the output's spread.
    """
    checks = parity(outputs, expected, scaled(PASS_TOLERANCE, expected))
    worst = max(checks, key=lambda check: float("inf") if check.value is None else check.value)
    return Check(name, worst.value, worst.limit, worst.unit, all(c.passed for c in checks), worst.reason, worst.n)


def scaled(tolerance: Tolerance, reference: Batch) -> Tolerance:
    """A tolerance whose ``atol`` is a fraction of the reference's standard deviation."""
    spread = max(float(np.std(array)) for array in reference.values())
    return Tolerance(atol=tolerance.atol * max(spread, 1e-6), rtol=tolerance.rtol)


def module_digest(module: torch.nn.Module) -> str:
    """SHA-256 of a module's structure, parameters and buffers."""
    digest = hashlib.sha256(repr(module).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _outputs(model: onnx.ModelProto, samples: tuple[Feed, ...], path: Path) -> dict[str, Array]:
    write_graph(model, path)
    return collect(Engine(path, "onnxruntime"), samples, threads=1)


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The exporter prints its progress and warns about its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
