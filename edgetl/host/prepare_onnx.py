"""From a user's own trained ONNX file to a bundle."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import onnx

from edgetl.bundle import Bundle
from edgetl.check import failures
from edgetl.errors import GateFailed, Unsupported
from edgetl.host.cache import Cache
from edgetl.host.contents import BackboneOrigin, Origin, summary_of
from edgetl.host.data.reader import ImageReader, Reader
from edgetl.host.data.source import open_unlabelled
from edgetl.host.export import PASSES, optimise
from edgetl.host.graph import read_graph, whole_sha256, write_graph
from edgetl.host.inference import Engine, collect
from edgetl.host.judge import jury_for
from edgetl.host.material import Material, are_tensors, examined, held_out_images, labelled, opened
from edgetl.host.old_forms import OLD_FORMS
from edgetl.host.original import are_probabilities, check_runs, original_outputs, parity_with_original
from edgetl.host.packing import pack
from edgetl.host.prepare import Prepared, Quantized, check_quantize, earlier_named, quantized
from edgetl.host.remarks import no_better_than_guessing
from edgetl.host.request import PrepareRequest
from edgetl.host.unlabelled import unjudged_because, unlabelled_material
from edgetl.host.user_onnx import (
    Activation,
    InputFormat,
    Wrapping,
    classes_of,
    scores_of_probabilities,
    wrap_classifier,
    wrap_tensors,
)
from edgetl.host.user_tensors import take_as_it_is, take_classifier
from edgetl.host.variants import PARITY_IMAGES, Made, fastest_runtime, stratified
from edgetl.host.workspace import Workspace
from edgetl.progress import Progress
from edgetl.recipe import Recipe
from edgetl.tensors import Batch, Feed

PASS_IMAGES = 4


@dataclass(frozen=True)
class OnnxRequest:
    """A trained model to prepare; ``common.recipe`` says name, data, task, gates and renderings."""

    common: PrepareRequest
    model: Path
    expects: InputFormat


def prepare_onnx(request: OnnxRequest, progress: Progress) -> Prepared:
    """Wrap, optimise, quantize, judge and pack a trained ONNX file.

    With labels (``task = "classify"``) a quantized variant has to pass the accuracy gate. Without (``task = "tensor"``)
    it has to answer as the float model does (:func:`edgetl.device.tasks.likeness.likeness`). Where that cannot be
    judged, or nothing of the model can be quantized, only the float model is packed, and a remark says why.

    Samples are images, for a model that takes one, or ``.npz`` files, for one of any inputs.

    Raises:
        Unsupported: the file is no model that runs, or takes other inputs than the samples are, or its outputs are not
            the classes of the data; told before any sample is read.
        DataError: the samples are not fit for use.
        GateFailed: the wrapped model does not compute what the file computes, or no variant met the gates.
    """
    with earlier_named(request.common.out):
        return _prepare(request, progress)


@dataclass(frozen=True)
class Started:
    """A trained model as a float variant, and all that it is judged with."""

    made: Made
    workspace: Workspace
    material: Material
    wrapped: _Wrapped


def started(request: OnnxRequest, path: Path, progress: Progress) -> Started:
    """Wrap and optimise a trained ONNX file as ``path``, after its samples were checked and divided.

    Raises:
        Unsupported: as :func:`prepare_onnx` does.
        DataError: the samples are not fit for use.
        GateFailed: the wrapped model does not compute what the file computes.
    """
    common = request.common
    check_quantize(common.recipe)
    wrapped, material = (_unlabelled if common.recipe.task.kind == "tensor" else _labelled)(request, progress)
    workspace = _workspace(common, material, wrapped.reader, progress)
    chosen = stratified(workspace.splits.validation, PARITY_IMAGES, workspace.seed)[:PARITY_IMAGES]
    feeds = tuple(workspace.feeds(chosen))
    with progress.stage("run the model as it came"):
        expected = original_outputs(request.model, feeds, wrapped.wrapping, workspace.threads)
    if common.recipe.task.kind != "tensor" and wrapped.removed is None and are_probabilities(expected):
        scores_of_probabilities(wrapped.model)
        wrapped = replace(wrapped, removed="Softmax")
    made = _float_variant(request.model.name, wrapped, (feeds, expected), workspace, path)
    return Started(made, workspace, material, wrapped)


def _prepare(request: OnnxRequest, progress: Progress) -> Prepared:
    common = request.common
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        start = started(request, Path(folder) / "fp32.onnx", progress)
        others, because = _quantized(start.made, common.recipe, start.workspace)
        material, wrapped = start.material, start.wrapped
        origin = Origin(
            recipe=common.recipe,
            workspace=start.workspace,
            backbone=BackboneOrigin(request.model.name, request.model.name, whole_sha256(request.model)),
            report={},
            audited=material.audited,
            calibrated=summary_of(others.calibrated, start.workspace.classes),
            base=common.base,
            is_own=True,
            wrapping=wrapped.wrapping,
            removed=wrapped.removed,
            ladders=others.ladders,
        )
        common.out.parent.mkdir(parents=True, exist_ok=True)
        hashes = pack((start.made, *others.variants), origin, common.out)
    bundle, held_out = Bundle.open(common.out), held_out_images(material, hashes)
    found = bundle.manifest.evaluations[0].selection
    remarks = others.remarks if because is None else (f"only the float model is packed, because {because}",)
    if found is not None:
        remarks += no_better_than_guessing(found, wrapped.wrapping)
    for remark in remarks:
        progress.warn(remark)
    told = (material.audited.skipped, held_out, remarks, bundle.manifest.remarks)
    return Prepared(str(common.out), bundle.sha256, False, *told)


def _quantized(made: Made, recipe: Recipe, workspace: Workspace) -> tuple[Quantized, str | None]:
    """Quantized variants, or none and why: the float model is of use by itself."""
    jury = jury_for(recipe.task.kind, recipe.gates, workspace)
    if recipe.quantize.renderings and not jury.task.labelled:
        because = unjudged_because(made, jury)
        if because is not None:
            return Quantized(), f"quantized graphs could not be judged: {because}"
    try:
        return quantized(made, None, recipe, workspace), None
    except Unsupported as error:
        return Quantized(), str(error)


def _labelled(request: OnnxRequest, progress: Progress) -> tuple[_Wrapped, Material]:
    dataset = labelled(request.common)
    wrapped = (_taken if are_tensors(dataset) else _wrapped)(request)
    if wrapped.classes == 1 and len(dataset.classes) == 2:
        first, second = dataset.classes
        raise Unsupported(
            f"model {request.model.name!r} has one output, a single score for {second!r}; expected one for each class: "
            f"put a Concat of 0 (for {first!r}) and that logit at its end, in the order of the class folders"
        )
    if wrapped.classes not in (None, len(dataset.classes)):
        raise Unsupported(
            f"model {request.model.name!r} has {wrapped.classes} outputs, the data has {len(dataset.classes)} classes "
            f"({', '.join(dataset.classes[:8])}); class folders must be the model's classes in sorted order"
        )
    return wrapped, examined(dataset, request.common, progress, wrapped.reader)


def _unlabelled(request: OnnxRequest, progress: Progress) -> tuple[_Wrapped, Material]:
    common = request.common
    dataset = opened(common, open_unlabelled)
    wrapped = (_taken if are_tensors(dataset) else _wrapped)(request)
    return wrapped, unlabelled_material(dataset, common, wrapped.reader, progress)


@dataclass(frozen=True)
class _Wrapped:
    """A user's model after wrapping, and what was done."""

    model: onnx.ModelProto
    wrapping: Wrapping | None
    """``None`` where samples are what the model takes."""
    reader: Reader
    removed: Activation | None = None
    """Taken off the end of a classifier, because the runtime applies it and quantization wants what is before it."""
    classes: int | None = None
    """Of a classifier, where the graph says it."""


def _wrapped(request: OnnxRequest) -> _Wrapped:
    """For images."""
    model, recipe = _read(request), request.common.recipe
    removed = None
    if recipe.task.kind == "tensor":
        wrapping = wrap_tensors(model, request.expects)
    else:
        wrapping, removed = wrap_classifier(model, request.expects)
    preprocess = recipe.backbone.preprocess or wrapping.preprocess
    if (preprocess.height, preprocess.width) != (wrapping.preprocess.height, wrapping.preprocess.width):
        raise Unsupported(
            f"[backbone] preprocess makes {preprocess.height}x{preprocess.width} images, the model takes "
            f"{wrapping.preprocess.height}x{wrapping.preprocess.width}"
        )
    return _Wrapped(model, wrapping, ImageReader(preprocess), removed, _classes(model, request))


def _taken(request: OnnxRequest) -> _Wrapped:
    """For tensors."""
    if request.expects != InputFormat() or request.common.recipe.backbone.preprocess is not None:
        raise Unsupported(
            "the data are .npz files, which the model takes as they are; leave out what says how images are fed "
            "(--mean, --std, --layout, --size)"
        )
    model = _read(request)
    if request.common.recipe.task.kind == "tensor":
        return _Wrapped(model, None, take_as_it_is(model))
    reader, removed = take_classifier(model)
    return _Wrapped(model, None, reader, removed, _classes(model, request))


def _read(request: OnnxRequest) -> onnx.ModelProto:
    model = read_graph(request.model)
    check_runs(request.model, request.common.threads)
    return model


def _classes(model: onnx.ModelProto, request: OnnxRequest) -> int | None:
    return None if request.common.recipe.task.kind == "tensor" else classes_of(model)


def _workspace(common: PrepareRequest, material: Material, reader: Reader, progress: Progress) -> Workspace:
    return Workspace(
        splits=material.splits,
        classes=material.classes if common.recipe.task.kind != "tensor" else (),
        reader=reader,
        seed=common.recipe.seed,
        threads=common.threads,
        cache=Cache(common.cache, common.fresh),
        progress=progress,
        task=common.recipe.task.kind,
    )


def _float_variant(
    name: str, wrapped: _Wrapped, original: tuple[tuple[Feed, ...], Batch], workspace: Workspace, path: Path
) -> Made:
    """Write the wrapped and optimised float graph, and prove that it computes what the user's own file computes.

    Args:
        name: of that file.
        original: some samples, and what it computes of them.

    Raises:
        GateFailed: it does not.
    """
    progress, (feeds, expected) = workspace.progress, original
    with progress.stage("optimise the graph"), tempfile.TemporaryDirectory(prefix="edgetl-passes-") as scratch:
        model, reports = optimise(wrapped.model, feeds[:PASS_IMAGES], Path(scratch), (*OLD_FORMS, *PASSES))
    for report in reports:
        if not report.kept:
            progress.note(f"graph pass {report.name!r} reverted: {report.reason}")
    write_graph(model, path)
    runtime = fastest_runtime(path, "fp32", workspace)
    with progress.stage("compare with the model as it came"):
        outputs = collect(Engine(path, runtime), feeds, workspace.threads)
    checks = parity_with_original(outputs, expected, wrapped.removed)
    if failures(checks):
        raise GateFailed(
            f"the wrapped model does not compute what {name!r} computes ({failures(checks)}); nothing "
            "was written; report this with the model"
        )
    return Made("fp32", path, "float", "fp32", None, checks, runtime)
