"""The stages of ``prepare`` alone, files in, files out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from edgetl.bundle import CalibrationSummary
from edgetl.errors import EdgeTLError, InputError, RecipeError
from edgetl.evaluation import Metrics
from edgetl.explanation import Explanation
from edgetl.files import filling, write_atomically, write_bytes
from edgetl.host.adapt import AdaptContext, Adapted, FittedHead, Head, Method
from edgetl.host.adapt.arrays import arrays_of, fitted_from, head_from
from edgetl.host.adaptation import cut_of
from edgetl.host.backbones import Pooling, trunk
from edgetl.host.cache import digest
from edgetl.host.contents import BackboneOrigin, Origin, summary_of
from edgetl.host.graph import read_graph, write_graph
from edgetl.host.judge import is_thresholded, jury_for, predict, select, settled, settled_by
from edgetl.host.ladder import Ascent, Climbed, climb
from edgetl.host.ladder.explain import check_explainable, explain
from edgetl.host.material import HeldOut, held_out_images, load_material
from edgetl.host.packing import pack
from edgetl.host.prepare import adapt_backbone, adapt_context, earlier_named
from edgetl.host.quantize.record import DAMAGE
from edgetl.host.quantize.rules import remarks
from edgetl.host.quantize.treatments import allowed
from edgetl.host.refit import Refit
from edgetl.host.request import PrepareRequest
from edgetl.host.stage_notes import StageNotes, read_notes, write_notes
from edgetl.host.variants import Made, calibration, fastest_runtime, float_variant, variant_name
from edgetl.ladder import Ladder
from edgetl.plugins import METHODS, RENDERINGS, find
from edgetl.progress import Progress
from edgetl.runner import own_precision

SCHEMA: Literal["edgetl.adapted/1"] = "edgetl.adapted/1"


class AdaptedIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an ``adapt`` folder says of itself, beside ``trunk.safetensors`` and ``head.npz``."""

    schema: Literal["edgetl.adapted/1"]
    recipe_sha256: str
    stages: tuple[str, ...] | None
    pooling: tuple[Pooling, ...]
    regularisation: float | None
    """Strength that the method chose for its head, with which a quantized trunk's head is fitted again."""
    report: dict[str, Any]


@dataclass(frozen=True)
class Quantized:
    """What :func:`quantize` made."""

    model: Path | None
    """What it wrote; ``None`` where no graph passes the gates, and nothing is written."""
    ladder: Ladder
    """What was tried, and why it ended."""
    remarks: tuple[str, ...]
    """What some version of a runtime that it is for refuses of it or computes slowly; of what it wrote."""
    explanation: Explanation | None
    """``None`` where nobody asked for it."""


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
    regularisation = None if adapted.fitted is None else adapted.fitted.regularisation
    index = AdaptedIndex(SCHEMA, request.recipe.sha256, *cut_of(context.options), regularisation, adapted.report)
    with filling(folder):
        write_atomically(folder / "trunk.safetensors", lambda path: _save_trunk(adapted, path))
        write_atomically(folder / "head.npz", lambda path: _save_head(adapted, path))
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
        head, fitted = _load_head(folder / "head.npz")
    except (OSError, SafetensorError, RuntimeError, *DAMAGE) as error:
        raise InputError(f"{str(folder)!r} is incomplete or damaged ({error}); run edgetl adapt again") from error
    with tempfile.TemporaryDirectory(prefix="edgetl-") as scratch:
        made = float_variant(Adapted(module, head, fitted, index.report), context.workspace, Path(scratch))
        _deliver(made.model, request, _noted(made, request, context))
    return request.out


def quantize(
    request: PrepareRequest, model: Path, rendering: str, progress: Progress, explained: bool = False
) -> Quantized:
    """Quantize a float ONNX file of this recipe and fit its head again; writes ``request.out`` if it passes the gates.

    Args:
        explained: whether to find out, too, what int8 does to every layer.

    Raises:
        Unsupported: the file is missing or no ONNX graph, or there is nothing to explain.
    """
    find(RENDERINGS, rendering, "rendering")
    allowed(request.recipe.quantize.treatments)
    if explained:
        check_explainable(rendering)
    read_graph(model)  # a damaged file is told before the audit
    context = adapt_context(request, load_material(request, progress), progress)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        made = _made(Made("fp32", model, "float", "fp32", None, ()), Path(folder), request, context)
        notes = read_notes(model, _made_from(request, context))
        if notes is None:
            progress.warn(f"{model.name} is not as edgetl export wrote it; the head's settings are chosen again")
        method: Method = find(METHODS, request.recipe.adapt.method, "method")
        settings, workspace = request.recipe.quantize, context.workspace
        jury = settled_by(made, jury_for(request.recipe.task.kind, request.recipe.gates, workspace))
        refit = Refit(method, context)
        calibrated = calibration(made, settings, workspace)
        ascent = Ascent(made, rendering, calibrated, refit, settings, jury)
        climbed = climb(ascent)
        if climbed.ladder.passed:
            told = replace(
                _noted(climbed.made, request, context),
                calibration=summary_of(calibrated, workspace.classes),
                ladder=climbed.ladder,
            )
            _deliver(climbed.made.model, request, told)
        return quantized_by(ascent, climbed, request.out, explained)


def quantized_by(ascent: Ascent, climbed: Climbed, out: Path, explained: bool) -> Quantized:
    """What a climb came to, which is at ``out`` if it passed."""
    written = out if climbed.ladder.passed else None
    heard = () if written is None else remarks(read_graph(written), ascent.rendering)
    return Quantized(written, climbed.ladder, heard, explain(ascent, climbed) if explained else None)


def evaluate(request: PrepareRequest, model: Path, split: Literal["validation", "test"], progress: Progress) -> Metrics:
    """All metrics of an ONNX file on a split of the recipe's data.

    Raises:
        Unsupported: the file is missing or no ONNX graph.
    """
    read_graph(model)  # a damaged file is told before the audit
    context = adapt_context(request, load_material(request, progress), progress)
    workspace = context.workspace
    jury = jury_for(request.recipe.task.kind, request.recipe.gates, workspace)
    samples = workspace.splits.open_test("edgetl evaluate") if split == "test" else workspace.splits.validation
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        made = _made(Made(model.stem, model, "float", "fp32", None, ()), Path(folder), request, context)
        outputs = predict(made, samples, jury)
        if is_thresholded(jury):
            jury = settled(jury, select(made, jury))
    return jury.task.metrics(outputs, workspace.truth(samples), workspace.classes, workspace.seed)


def pack_files(request: PrepareRequest, files: Files, progress: Progress) -> tuple[HeldOut, ...]:
    """Judge ONNX files of this recipe and pack those that pass; writes ``request.out``.

    Raises:
        Unsupported: a file is missing or no ONNX graph.
        GateFailed: the float model missed a gate other than size, or no variant met all.
    """
    for model in (files.float_model, *files.renderings.values()):
        read_graph(model)  # a damaged file is told before the audit
    material = load_material(request, progress)
    context = adapt_context(request, material, progress)
    given = [Made("fp32", files.float_model, "float", "fp32", None, ())]
    given += [
        Made(variant_name(name), model, name, own_precision(name), None, ()) for name, model in files.renderings.items()
    ]
    calibrated, ladders = _told(files, _made_from(request, context))
    origin = Origin(
        recipe=request.recipe,
        workspace=context.workspace,
        backbone=BackboneOrigin.of(context.backbone),
        report={},
        audited=material.audited,
        calibrated=calibrated,
        base=request.base,
        ladders=ladders,
    )
    request.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        made = tuple(_made(one, Path(folder), request, context) for one in given)
        if any(one.out_of_fold is None for one in made):
            # all variants are compared on the same samples, or a drop cannot be judged
            made = tuple(replace(one, out_of_fold=None) for one in made)
        with earlier_named(request.out):
            return held_out_images(material, pack(made, origin, request.out))


def _made(given: Made, folder: Path, request: PrepareRequest, context: AdaptContext) -> Made:
    """A model of the user's as one file of its own, with what the stage that wrote it knew, or what is found out."""
    workspace = context.workspace
    path = folder / f"{given.name}.onnx"
    write_graph(read_graph(given.model), path)
    notes = read_notes(given.model, _made_from(request, context))
    if notes is None:
        return replace(given, model=path, runtime=fastest_runtime(path, given.precision, workspace))
    known = replace(given, runtime=notes.runtime, out_of_fold=notes.out_of_fold, checks=notes.checks)
    return replace(known, model=path, fitted=notes.fitted, is_refitted=notes.is_refitted)


def _told(files: Files, made_from: str) -> tuple[CalibrationSummary | None, tuple[Ladder, ...]]:
    """What the stages that quantized noted of it; a calibration is that of all renderings of a recipe."""
    notes = [read_notes(model, made_from) for model in files.renderings.values()]
    known = [one for one in notes if one is not None]
    calibrated = next((one.calibration for one in known if one.calibration is not None), None)
    return calibrated, tuple(one.ladder for one in known if one.ladder is not None)


def _noted(made: Made, request: PrepareRequest, context: AdaptContext) -> StageNotes:
    made_from = _made_from(request, context)
    return StageNotes(made_from, made.runtime, made.checks, made.out_of_fold, made.fitted, made.is_refitted)


def _deliver(model: Path, request: PrepareRequest, notes: StageNotes) -> None:
    """Write a model where it was asked for, and what is known of it beside it."""
    request.out.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(request.out, model.read_bytes())
    write_notes(request.out, notes)


def _made_from(request: PrepareRequest, context: AdaptContext) -> str:
    return digest([request.recipe.sha256, context.workspace.splits.sha256])


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


def _save_trunk(adapted: Adapted, path: Path) -> None:
    try:
        save_file({name: tensor.contiguous() for name, tensor in adapted.trunk.state_dict().items()}, path)
    except SafetensorError as error:  # what safetensors makes of an OSError
        raise EdgeTLError(
            f"cannot write the trunk to {str(path.parent)!r} ({error}); choose a folder with space"
        ) from error


def _save_head(adapted: Adapted, path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays_of(adapted.head, adapted.fitted))  # type: ignore[arg-type]


def _load_head(path: Path) -> tuple[Head, FittedHead | None]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
        return head_from(arrays), fitted_from(arrays)
