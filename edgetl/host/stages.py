"""The stages of ``prepare`` alone, files in, files out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from edgetl.errors import GateFailed, InputError, RecipeError
from edgetl.evaluation import Metrics
from edgetl.files import write_atomically, write_bytes
from edgetl.host.adapt import AdaptContext, Adapted, Head, Method
from edgetl.host.backbones import Pooling, trunk
from edgetl.host.contents import BackboneOrigin, Origin
from edgetl.host.export import trunk_graph
from edgetl.host.graph import attach_head
from edgetl.host.judge import Jury, predict
from edgetl.host.prepare import (
    HeldOut,
    PrepareRequest,
    adapt_backbone,
    adapt_context,
    load_material,
    pack,
)
from edgetl.host.variants import Made, Refit, calibration, parity_with_torch, quantized_variant
from edgetl.plugins import METHODS, RENDERINGS, TASKS, find, resolve
from edgetl.progress import Progress

SCHEMA: Literal["edgetl.adapted/1"] = "edgetl.adapted/1"


class AdaptedIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an ``adapt`` folder says of itself, beside ``trunk.safetensors`` and ``head.npz``."""

    schema: Literal["edgetl.adapted/1"]
    recipe_sha256: str
    stages: tuple[str, ...] | None
    pooling: tuple[Pooling, ...]
    report: dict[str, Any]


@dataclass(frozen=True)
class Files:
    """The graphs to pack: the float one, and one per rendering."""

    float_model: Path
    renderings: dict[str, Path]


def adapt(request: PrepareRequest, progress: Progress) -> AdaptedIndex:
    """Adapt the recipe's backbone; writes the folder ``request.out``.

    Raises:
        InputError: the folder exists and is not empty.
    """
    folder = request.out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{str(folder)!r} exists and is not an empty folder; choose another one")
    context, adapted = adapt_backbone(request, load_material(request, progress), progress)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in adapted.trunk.state_dict().items()}
    write_atomically(folder / "trunk.safetensors", lambda path: save_file(state, path))
    write_atomically(folder / "head.npz", lambda path: _save_head(adapted.head, path))
    index = AdaptedIndex(SCHEMA, request.recipe.sha256, *_cut(context), adapted.report)
    write_bytes(folder / "adapted.json", msgspec.json.encode(index))
    return index


def export(request: PrepareRequest, folder: Path, progress: Progress) -> Path:
    """Export an ``adapt`` folder as one float ONNX file, ``request.out``.

    Raises:
        InputError: the folder is not what ``adapt`` wrote, or another recipe's.
        GateFailed: the graph does not compute what torch computes.
    """
    index = _index(request, folder)
    context = adapt_context(request, load_material(request, progress), progress)
    module = trunk(context.backbone, index.stages, index.pooling)
    try:
        module.load_state_dict(load_file(folder / "trunk.safetensors"))
        head = _load_head(folder / "head.npz")
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"{str(folder)!r} is incomplete or damaged ({error}); run edgetl adapt again") from error
    adapted = Adapted(module, head, None, index.report)
    request.out.parent.mkdir(parents=True, exist_ok=True)
    graph = trunk_graph(module, context.workspace)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as scratch:
        whole = Path(scratch) / "fp32.onnx"
        attach_head(graph, head, whole)
        check = parity_with_torch(adapted, context.workspace, whole)
        if not check.passed:
            raise GateFailed(f"the exported model does not compute what torch computes: {check.reason}")
        data = whole.read_bytes()
    write_bytes(request.out, data)
    return request.out


def quantize(request: PrepareRequest, model: Path, rendering: str, progress: Progress) -> Path:
    """Quantize a float ONNX file of this recipe and fit its head again; writes ``request.out``."""
    find(RENDERINGS, rendering, "rendering")
    context = adapt_context(request, load_material(request, progress), progress)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        copy = Path(folder) / "fp32.onnx"
        copy.write_bytes(_model_bytes(model))
        made = Made("fp32", copy, "float", "fp32", None, ())
        record = calibration(made, request.recipe.quantize, context.workspace).record
        quantized = quantized_variant(made, rendering, record, _refit(request, context), context.workspace)
        request.out.parent.mkdir(parents=True, exist_ok=True)
        data = quantized.model.read_bytes()
    write_bytes(request.out, data)
    return request.out


def evaluate(request: PrepareRequest, model: Path, split: Literal["validation", "test"], progress: Progress) -> Metrics:
    """All metrics of an ONNX file on a split of the recipe's data."""
    _model_bytes(model)
    context = adapt_context(request, load_material(request, progress), progress)
    workspace = context.workspace
    jury = Jury(resolve(TASKS[request.recipe.task.kind][1]), request.recipe.gates, workspace)
    samples = workspace.splits.open_test("edgetl evaluate") if split == "test" else workspace.splits.validation
    outputs = predict(Made(model.stem, model, "float", "fp32", None, ()), samples, jury)
    labels = np.array([sample.label for sample in samples], np.int64)
    metrics: Metrics = jury.task.metrics(outputs, labels, workspace.classes, workspace.seed)
    return metrics


def pack_files(request: PrepareRequest, files: Files, progress: Progress) -> tuple[HeldOut, ...]:
    """Judge ONNX files of this recipe and pack those that pass; writes ``request.out``.

    Raises:
        GateFailed: the float model missed a gate.
    """
    material = load_material(request, progress)
    context = adapt_context(request, material, progress)
    for model in (files.float_model, *files.renderings.values()):
        _model_bytes(model)
    made = [Made("fp32", files.float_model, "float", "fp32", None, ())]
    made += [Made(f"int8-{name}", model, name, "int8", None, ()) for name, model in files.renderings.items()]
    backbone = context.backbone
    origin = Origin(
        recipe=request.recipe,
        workspace=context.workspace,
        backbone=BackboneOrigin(backbone.name, backbone.weights_source, backbone.weights_sha256),
        report={},
        audited=material.audited,
        calibrated=None,
        base=request.base,
    )
    request.out.parent.mkdir(parents=True, exist_ok=True)
    return pack(tuple(made), origin, request.out)


def _refit(request: PrepareRequest, context: AdaptContext) -> Refit:
    method: Method = find(METHODS, request.recipe.adapt.method, "method")
    return Refit(method, context.options, None)


def _cut(context: AdaptContext) -> tuple[tuple[str, ...] | None, tuple[Pooling, ...]]:
    """Where the method cuts the backbone, and how it pools there."""
    return getattr(context.options, "stages", None), getattr(context.options, "pooling", ("mean",))


def _index(request: PrepareRequest, folder: Path) -> AdaptedIndex:
    path = folder / "adapted.json"
    try:
        index = msgspec.json.decode(path.read_bytes(), type=AdaptedIndex)
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r} ({error.strerror}); make the folder with: edgetl adapt RECIPE -o DIR"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} is not of schema {SCHEMA!r}: {error}; run edgetl adapt again") from error
    if index.recipe_sha256 != request.recipe.sha256:
        raise RecipeError(f"{str(folder)!r} was adapted with another recipe or an older one; run edgetl adapt again")
    return index


def _model_bytes(model: Path) -> bytes:
    try:
        return model.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read model {str(model)!r} ({error.strerror}); expected an ONNX file") from error


def _save_head(head: Head, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=head.weight, bias=head.bias)


def _load_head(path: Path) -> Head:
    with np.load(path, allow_pickle=False) as arrays:
        return Head(arrays["weight"], arrays["bias"])
