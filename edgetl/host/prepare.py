"""The host half: from a recipe to a bundle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgetl.bundle import Bundle
from edgetl.errors import BundleError, DataError, GateFailed, MissingExtra, RecipeError, Unsupported
from edgetl.files import mark_used, write_atomically, write_bytes
from edgetl.host.adapt import AdaptContext, Adapted, Method
from edgetl.host.adaptation import adaptation
from edgetl.host.backbones import load_backbone
from edgetl.host.cache import Cache
from edgetl.host.contents import BackboneOrigin, Origin, summary_of
from edgetl.host.data.reader import ImageReader
from edgetl.host.fingerprint import preparation_key
from edgetl.host.judge import jury_for, settled_by
from edgetl.host.ladder import Ascent, Climbed, climb
from edgetl.host.material import HeldOut, Material, held_out_images, load_material
from edgetl.host.packing import pack
from edgetl.host.quantize import Rendering
from edgetl.host.quantize.calibrate import MIN_IMAGES
from edgetl.host.quantize.treatments import allowed
from edgetl.host.refit import Refit
from edgetl.host.remarks import unknown_targets
from edgetl.host.request import PrepareRequest
from edgetl.host.tasks import HostTask
from edgetl.host.training.events import note_reuse
from edgetl.host.variants import Calibrated, Made, calibration, float_variant
from edgetl.host.workspace import Workspace
from edgetl.ladder import Ladder
from edgetl.plugins import BACKENDS, METHODS, RENDERINGS, TASKS, find, find_task
from edgetl.progress import Progress
from edgetl.recipe import Recipe
from edgetl.runner import Backend
from edgetl.spelling import placed


class Prepared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``prepare`` made."""

    bundle: str
    sha256: str
    reused: bool
    """Whether an earlier run's bundle was taken, because nothing it depends on had changed."""
    skipped: tuple[tuple[str, str], ...]
    """Images left out, each with the reason."""
    held_out: tuple[HeldOut, ...]
    remarks: tuple[str, ...] = ()
    """What nothing failed by and a user should know all the same."""
    graph_remarks: dict[str, tuple[str, ...]] = {}
    """Of variants, what some version of a runtime that they are for refuses or computes slowly; in the bundle, too."""


def prepare(request: PrepareRequest, progress: Progress) -> Prepared:
    """Check the data, adapt, export, quantize, judge and pack.

    Raises:
        RecipeError: an option is wrong.
        DataError: images or labels are not fit for use.
        BackboneError: the pre-trained model or its weights.
        GateFailed: the float model missed a gate other than size, or no variant met all; nothing is written.
    """
    with earlier_named(request.out):
        return _prepare(request, progress)


def check_quantize(recipe: Recipe) -> None:
    """Refuse renderings and treatments that there are not or cannot be made here, before any work is done.

    Raises:
        Unsupported: names those that there are.
        MissingExtra: the runtime that opens the graphs of a rendering is not installed.
    """
    for name in recipe.quantize.renderings:
        rendering: Rendering = find(RENDERINGS, name, "rendering")
        backend: Backend = find(BACKENDS, rendering.opened_by, "runtime")
        if not backend.probe().available:
            raise MissingExtra(rendering.opened_by, extra=rendering.opened_by)
    allowed(recipe.quantize.treatments)


@contextmanager
def earlier_named(out: Path) -> Iterator[None]:
    """Let a missed gate say that what lies at ``out`` is not of this run."""
    try:
        yield
    except GateFailed as error:
        if not out.exists():
            raise
        raise GateFailed(f"{error}; {str(out)!r} of an earlier run stays as it is") from error


def _prepare(request: PrepareRequest, progress: Progress) -> Prepared:
    recipe, cache = request.recipe, Cache(request.cache)
    method_options(recipe)
    check_quantize(recipe)
    check_trainable(recipe.task.kind)
    remarks = _told(unknown_targets(recipe.gates), progress)
    material = load_material(request, progress)
    if recipe.quantize.renderings and len(material.splits.train) < MIN_IMAGES:
        raise DataError(
            f"the training split has {len(material.splits.train)} images; quantization needs at least {MIN_IMAGES}; "
            "add images, or set renderings = [] in [quantize]"
        )
    parts = preparation_key(recipe, material.identity, request.base)
    kept = cache.path("bundles", parts, ".edgetl")
    found = None if request.fresh else _earlier(kept)
    if found:
        note_reuse(request.events, progress)
    bundle, notes = found or _make(request, material, kept, progress)
    request.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(request.out, lambda path: shutil.copyfile(kept, path))
    held_out = held_out_images(material, notes.shown)
    remarks += _told(notes.remarks, progress)
    told = (material.audited.skipped, held_out, remarks, bundle.manifest.remarks)
    return Prepared(str(request.out), bundle.sha256, found is not None, *told)


def _told(remarks: tuple[str, ...], progress: Progress) -> tuple[str, ...]:
    for remark in remarks:
        progress.warn(remark)
    return remarks


def check_trainable(kind: str) -> None:
    """Refuse a task that nothing can be trained for.

    Raises:
        Unsupported: names those that can.
    """
    task: HostTask = find_task(kind, "host")
    if not task.trainable:
        others = ", ".join(repr(name) for name in TASKS if find_task(name, "host").trainable)
        raise Unsupported(f"task {kind!r} cannot be trained; a recipe's task is one of: {others}")


def method_options(recipe: Recipe) -> msgspec.Struct:
    """The options of the recipe's method, checked by the method's own type.

    Raises:
        RecipeError: names the option.
        Unsupported: there is no such method.
    """
    method: Method = find(METHODS, recipe.adapt.method, "method")
    try:
        return msgspec.convert(recipe.adapt.options, method.options)
    except msgspec.ValidationError as error:
        raise RecipeError(f"[adapt] options of {method.name!r}: {placed(error, method.options, '$.adapt')}") from error


def adapt_backbone(request: PrepareRequest, material: Material, progress: Progress) -> tuple[AdaptContext, Adapted]:
    """Load the backbone and adapt it to the training split, or take what was adapted of the same before."""
    context = adapt_context(request, material, progress)
    method: Method = find(METHODS, request.recipe.adapt.method, "method")
    return context, adaptation(method, context)


def adapt_context(request: PrepareRequest, material: Material, progress: Progress) -> AdaptContext:
    """Load the backbone, and gather what its adaptation needs."""
    recipe = request.recipe
    with progress.stage("load the backbone"):
        backbone = load_backbone(recipe.backbone, request.base, recipe.seed)
    workspace = Workspace(
        splits=material.splits,
        classes=material.classes,
        reader=ImageReader(recipe.backbone.preprocess or backbone.preprocess),
        seed=recipe.seed,
        threads=request.threads,
        cache=Cache(request.cache, request.fresh),
        progress=progress,
        task=recipe.task.kind,
        events=request.events,
    )
    return AdaptContext(backbone, method_options(recipe), workspace, request.fresh)


@dataclass(frozen=True)
class Quantized:
    """What quantization made of a float variant."""

    variants: tuple[Made, ...] = ()
    """One per rendering; whether each passes is for packing to judge."""
    calibrated: Calibrated | None = None
    ladders: tuple[Ladder, ...] = ()
    """What was tried for each."""
    remarks: tuple[str, ...] = ()
    """Why renderings are not among them."""


def quantized(made: Made, refit: Refit | None, recipe: Recipe, workspace: Workspace) -> Quantized:
    """One variant per rendering of the recipe that can be written, all from one calibration.

    Raises:
        Unsupported: none of them can.
    """
    if not recipe.quantize.renderings:
        return Quantized()
    calibrated = calibration(made, recipe.quantize, workspace)
    jury = settled_by(made, jury_for(recipe.task.kind, recipe.gates, workspace))
    climbed, refused = list[Climbed](), dict[str, str]()
    for name in recipe.quantize.renderings:
        try:
            climbed.append(climb(Ascent(made, name, calibrated, refit, recipe.quantize, jury)))
        except Unsupported as error:
            refused[name] = str(error)
    if not climbed:
        raise Unsupported("; ".join(dict.fromkeys(refused.values())))
    remarks = tuple(f"there is no graph for {name!r}, because {reason}" for name, reason in refused.items())
    return Quantized(tuple(one.made for one in climbed), calibrated, tuple(one.ladder for one in climbed), remarks)


class _Notes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is told of a bundle whenever it is taken."""

    shown: tuple[str, ...]
    """Hashes of a few test images."""
    remarks: tuple[str, ...]


def _earlier(kept: Path) -> tuple[Bundle, _Notes] | None:
    """What an earlier run made, unless it is absent or damaged."""
    notes = kept.with_suffix(".json")
    mark_used(notes)
    try:
        return Bundle.open(kept), msgspec.json.decode(notes.read_bytes(), type=_Notes)
    except (BundleError, OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _make(request: PrepareRequest, material: Material, out: Path, progress: Progress) -> tuple[Bundle, _Notes]:
    recipe = request.recipe
    context, adapted = adapt_backbone(request, material, progress)
    method: Method = find(METHODS, recipe.adapt.method, "method")
    refit = Refit(method, context)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        made = float_variant(adapted, context.workspace, Path(folder))
        others = quantized(made, refit, recipe, context.workspace)
        origin = Origin(
            recipe=recipe,
            workspace=context.workspace,
            backbone=BackboneOrigin.of(context.backbone),
            report=adapted.report,
            audited=material.audited,
            calibrated=summary_of(others.calibrated, context.workspace.classes),
            base=request.base,
            ladders=others.ladders,
        )
        notes = _Notes(pack((made, *others.variants), origin, out), others.remarks)
    write_bytes(out.with_suffix(".json"), msgspec.json.encode(notes))
    return Bundle.open(out), notes
