"""From a user's own trained ONNX file to a bundle."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgetl.artifact import sha256_of
from edgetl.bundle import Bundle
from edgetl.errors import Unsupported
from edgetl.host.cache import Cache
from edgetl.host.contents import BackboneOrigin, Origin
from edgetl.host.data.audit import audit
from edgetl.host.data.source import open_images
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.data.stream import stream
from edgetl.host.export import optimise
from edgetl.host.graph import read_graph, write_graph
from edgetl.host.prepare import Material, Prepared, PrepareRequest, load_material, pack, quantized
from edgetl.host.user_onnx import InputFormat, classes_of, normalised
from edgetl.host.variants import Made
from edgetl.host.workspace import Workspace
from edgetl.progress import Progress

PASS_IMAGES = 4


@dataclass(frozen=True)
class OnnxRequest:
    """A trained model to prepare; ``common.recipe`` says name, data, task, gates and renderings."""

    common: PrepareRequest
    model: Path
    expects: InputFormat


def prepare_onnx(request: OnnxRequest, progress: Progress) -> Prepared:
    """Wrap, optimise, quantize, judge and pack a trained ONNX file.

    With labels (``task = "classify"``) an int8 variant is made and has to pass the accuracy gate. Without
    (``task = "tensor"``) only the float model is packed: an int8 one could not be judged.

    Raises:
        Unsupported: the model is not one of images, or its outputs are not the classes of the data.
        DataError: the images are not fit for use.
        GateFailed: the float model missed a gate.
    """
    common = request.common
    labelled = common.recipe.task.kind != "tensor"
    material = load_material(common, progress) if labelled else unlabelled_material(common, progress)
    with tempfile.TemporaryDirectory(prefix="edgetl-") as folder:
        path = Path(folder) / "fp32.onnx"
        workspace = _float_graph(request, material, path, progress)
        made = Made("fp32", path, "float", "fp32", None, ())
        others, calibrated = quantized(made, None, common.recipe, workspace) if labelled else ((), None)
        origin = Origin(
            recipe=common.recipe,
            workspace=workspace,
            backbone=BackboneOrigin(request.model.name, str(request.model), sha256_of(request.model)),
            report={},
            audited=material.audited,
            calibrated=calibrated,
            base=common.base,
        )
        common.out.parent.mkdir(parents=True, exist_ok=True)
        held_out = pack((made, *others), origin, common.out)
    sha256 = Bundle.open(common.out).sha256
    return Prepared(str(common.out), sha256, False, material.audited.skipped, held_out)


def unlabelled_material(request: PrepareRequest, progress: Progress) -> Material:
    """Images without labels, all of them for golden samples.

    Raises:
        DataError: no images, or unreadable ones.
    """
    data = request.recipe.data
    audited = audit(
        open_images(data.source, request.base),
        min_per_class=1,
        skip_bad=data.skip_bad,
        threads=request.threads,
        progress=progress,
    )
    samples = audited.dataset.samples
    counts = {"train": (0,), "validation": (len(samples),), "test": (0,)}
    return Material(audited, Splits((), samples, Sealed(()), counts, audited.dataset.sha256))


def _float_graph(request: OnnxRequest, material: Material, path: Path, progress: Progress) -> Workspace:
    """Write the wrapped and optimised float graph."""
    common, model = request.common, read_graph(request.model)
    preprocess = normalised(model, request.expects)
    classes = classes_of(model)
    if common.recipe.task.kind != "tensor" and classes not in (None, len(material.classes)):
        raise Unsupported(
            f"model {request.model.name!r} has {classes} outputs, the data has {len(material.classes)} classes "
            f"({', '.join(material.classes[:8])}); class folders must be the model's classes in sorted order"
        )
    splits = material.splits
    images = tuple(stream(splits.validation[:PASS_IMAGES], preprocess, threads=common.threads))
    with progress.stage("optimise the graph"), tempfile.TemporaryDirectory(prefix="edgetl-passes-") as scratch:
        model, reports = optimise(model, images, Path(scratch))
    for report in reports:
        if not report.kept:
            progress.note(f"graph pass {report.name!r} reverted: {report.reason}")
    write_graph(model, path)
    return Workspace(
        splits=splits,
        classes=material.classes if common.recipe.task.kind != "tensor" else (),
        preprocess=common.recipe.backbone.preprocess or preprocess,
        seed=common.recipe.seed,
        threads=common.threads,
        cache=Cache(common.cache),
        progress=progress,
    )
