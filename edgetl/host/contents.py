"""What goes into a bundle, from what preparation made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import msgspec
import numpy as np

from edgetl.bundle import CalibrationSummary, Contents, Provenance
from edgetl.candidate import Variant
from edgetl.check import failures
from edgetl.golden import Golden
from edgetl.host.backbones import Backbone
from edgetl.host.data.audit import Audited
from edgetl.host.data.card import data_card
from edgetl.host.data.dataset import Sample
from edgetl.host.data.labels import class_counts
from edgetl.host.fingerprint import tool_versions
from edgetl.host.graph import artifact_from, read_graph
from edgetl.host.judge import Judged, describe
from edgetl.host.predictions import predictions
from edgetl.host.quantize.rules import remarks
from edgetl.host.quantize.saturation.bounds import with_proof
from edgetl.host.user_onnx import Activation, Wrapping
from edgetl.host.variants import Calibrated, stratified
from edgetl.host.workspace import Workspace
from edgetl.ladder import Ladder
from edgetl.recipe import HUB, GoldenChoice, Recipe
from edgetl.tensors import Array, feeds_of

ENCODED = 16
"""Golden samples that travel as files too, for decoder check and end-to-end timing; few, because photos are large."""
OTHER_RUNTIMES_BYTES = 32 << 20
"""Golden outputs of a variant that are larger are recorded in its own runtime only. Scores take kilobytes; maps would
double the bundle, and a device that computes them elsewhere judges by what it has."""

USER_ONNX = "user-onnx"
"""The method of a model that was trained elsewhere."""


@dataclass(frozen=True)
class BackboneOrigin:
    """Which pre-trained network, and the file its weights came from."""

    name: str
    weights_source: str
    weights_sha256: str | None
    mapping: str = ""
    """How the weights found their places."""
    licence: str | None = None
    """Of the weights, as their publisher states it."""
    revision: str | None = None
    """Commit of the hub's repository."""

    @classmethod
    def of(cls, backbone: Backbone) -> BackboneOrigin:
        """The origin of a loaded backbone; of a file only its name, because folders tell about the machine."""
        source = backbone.weights_source
        shown = source if source.startswith(("pip:", HUB)) else Path(source).name
        stated = (backbone.mapping, backbone.licence, backbone.revision)
        return cls(backbone.name, shown, backbone.weights_sha256, *stated)


@dataclass(frozen=True)
class Origin:
    """Where the variants of a bundle come from."""

    recipe: Recipe
    workspace: Workspace
    backbone: BackboneOrigin
    report: dict[str, Any]
    """What the method chose and why."""
    audited: Audited
    calibrated: CalibrationSummary | None
    """What ranges were taken from; ``None`` where nothing was calibrated, or nobody knows."""
    base: Path
    is_own: bool = False
    """Whether the model is a user's own file, trained elsewhere."""
    wrapping: Wrapping | None = None
    """What was put before such a file; ``None`` where nothing was."""
    removed: Activation | None = None
    """What was taken off its end."""
    ladders: tuple[Ladder, ...] = ()
    """What was tried to quantize it, per rendering."""


def contents(judged: tuple[Judged, ...], origin: Origin, thresholds: tuple[float, ...] = ()) -> Contents:
    """A bundle with every variant that passed; the evaluations of the others stay in it as the reason why."""
    recipe, workspace = origin.recipe, origin.workspace
    packed = tuple(variant for variant in judged if variant.passed)
    for variant in judged:
        if not variant.passed:
            workspace.progress.warn(f"variant {variant.made.name} is not packed: {failures(variant.evaluation.checks)}")
    samples = golden(packed, workspace.splits.validation, recipe.golden, workspace)
    sizes = {name: (1, *array.shape[1:]) for name, array in samples.inputs.items()}
    return Contents(
        name=recipe.name,
        version=recipe.version,
        task=recipe.task.kind,
        classes=workspace.classes,
        preprocess=workspace.reader.preprocess,
        variants=tuple(described(variant, sizes) for variant in packed),
        models={variant.made.name: variant.made.model for variant in packed},
        gates=recipe.gates,
        golden=samples,
        evaluations=tuple(variant.evaluation for variant in judged),
        recipe_sha256=recipe.sha256,
        provenance=provenance(origin),
        card=card(judged, origin),
        thresholds=thresholds,
    )


def described(variant: Judged, sizes: Mapping[str, tuple[int, ...]]) -> Variant:
    """A variant with what is known of its file, and of its work on a sample of these sizes."""
    made = variant.made
    artifact = artifact_from(made.model, made.model.name, made.rendering, made.precision, sizes)
    graph = read_graph(made.model)
    artifact = msgspec.structs.replace(artifact, remarks=remarks(graph, made.rendering))
    return Variant(made.name, with_proof(artifact, graph))


def golden(
    packed: tuple[Judged, ...], samples: tuple[Sample, ...], choice: GoldenChoice, workspace: Workspace
) -> Golden:
    """Validation samples with the host's outputs of every packed variant; of several shapes only the commonest."""
    alike = workspace.reader.alike(samples)
    if len(alike) < len(samples):
        workspace.progress.note(f"golden samples are of the commonest shape, which {len(alike)} of {len(samples)} have")
    chosen = stratified(alike, choice.n, workspace.seed)[: choice.n]
    inputs = artifact_from(packed[0].made.model, packed[0].made.model.name, "float", "fp32").inputs
    feeds = [feeds_of(sample, inputs) for sample in workspace.feeds(chosen)]
    references = {
        variant.made.name: predictions(
            variant.made.engine, chosen, workspace, f"record golden outputs of {variant.made.name}"
        )
        for variant in packed
    }
    others = {variant.made.name: _elsewhere(variant, chosen, workspace) for variant in packed}
    has_files = choice.include_images and workspace.reader.preprocess is not None
    encoded = tuple(_bytes(sample) for sample in chosen[:ENCODED]) if has_files else ()
    return Golden(
        inputs={spec.name: np.concatenate([feed[spec.name] for feed in feeds]) for spec in inputs},
        references=references,
        labels=tuple(sample.truth for sample in chosen) if workspace.classes else (),
        encoded=encoded,
        other_runtimes={name: found for name, found in others.items() if found},
    )


def provenance(origin: Origin) -> Provenance:
    """Where a model came from, in hashes and versions."""
    splits = origin.workspace.splits
    return Provenance(
        backbone=origin.backbone.name,
        weights_sha256=origin.backbone.weights_sha256,
        method=USER_ONNX if origin.is_own else origin.recipe.adapt.method,
        data_sha256=origin.audited.dataset.sha256,
        samples={name: sum(counts) for name, counts in splits.counts.items()},
        calibration=origin.calibrated,
        tools=tool_versions(),
        notes=_notes(origin),
    )


def summary_of(calibrated: Calibrated | None, classes: tuple[str, ...]) -> CalibrationSummary | None:
    """What a bundle says of its calibration; nothing where there was none."""
    if calibrated is None:
        return None
    record, samples = calibrated.record, calibrated.samples
    counts = {classes[place]: count for place, count in class_counts(samples).items()} if classes else {}
    return CalibrationSummary(n=record.images, sha256=record.images_sha256, classes=counts)


def card(judged: tuple[Judged, ...], origin: Origin) -> str:
    """The recipe's own ``card.md``, followed by what was measured."""
    own = origin.base / "card.md"
    # without a recipe beside it, the folder is just where the command ran, and the card is another thing's
    text = (
        own.read_text(encoding="utf-8").rstrip()
        if own.is_file() and (origin.base / "recipe.toml").is_file()
        else f"# {origin.recipe.name}\n\nNo card was written for this model."
    )
    lines = [text, "", "## Measured by EdgeTL", ""]
    for variant in judged:
        if variant.evaluation.test is not None:
            packed = "" if variant.passed else f" (not packed: {failures(variant.evaluation.checks)})"
            lines.append(f"- {variant.made.name}, test: {describe(variant.evaluation.test)}{packed}")
    backbone = origin.backbone
    lines += [
        "",
        f"Backbone {backbone.name}, weights from {backbone.weights_source} (sha256 {backbone.weights_sha256}).",
        "",
    ]
    return "\n".join(lines)


def _elsewhere(variant: Judged, chosen: tuple[Sample, ...], workspace: Workspace) -> dict[str, dict[str, Array]]:
    """Golden outputs in each other runtime that the variant was judged in; none where they are large."""
    made, found = variant.made, dict[str, dict[str, Array]]()
    for other in variant.evaluation.other_runtimes:
        engine, title = replace(made.engine, runtime=other.runtime), f"record golden outputs of {made.name}"
        outputs = predictions(engine, chosen, workspace, f"{title} in {other.runtime}")
        if sum(array.nbytes for array in outputs.values()) <= OTHER_RUNTIMES_BYTES:
            found[other.runtime] = outputs
        else:
            workspace.progress.note(f"golden outputs of {made.name} are large, and recorded in {made.runtime} only")
    return found


def _notes(origin: Origin) -> dict[str, Any]:
    """JSON-able; files by their names only, because folders tell about the machine."""
    data, backbone = origin.recipe.data, origin.backbone
    seed = origin.recipe.seed if data.split_seed is None else data.split_seed
    notes: dict[str, Any] = {
        "adapt": origin.report,
        "recipe": _without_folders(msgspec.json.decode(msgspec.json.encode(origin.recipe))),
        "skipped": origin.audited.left_out,
        "splits": {"seed": seed, "sha256": origin.workspace.splits.sha256},
        "weights": {
            "source": backbone.weights_source,
            "revision": backbone.revision,
            "mapping": backbone.mapping,
            "licence": backbone.licence,
        },
    }
    preprocess = origin.workspace.reader.preprocess
    if preprocess is not None:
        size = (preprocess.height, preprocess.width)
        notes["data"] = data_card(origin.audited, origin.workspace.splits, size)
    if origin.ladders:
        notes["quantization"] = msgspec.to_builtins(origin.ladders)
    wrapping = origin.wrapping
    if wrapping is not None:
        notes["wrapping"] = {
            "mean": wrapping.mean,
            "std": wrapping.std,
            "layout": wrapping.layout,
            "removed": origin.removed,
        }
    elif origin.removed is not None:
        notes["wrapping"] = {"removed": origin.removed}
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(notes))
    return decoded


def _without_folders(value: Any) -> Any:
    """Settings with the name alone of every file or folder that is named from the root."""
    if isinstance(value, dict):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_folders(one) for one in value]
    return PurePath(value).name if isinstance(value, str) and value.startswith(("/", "~")) else value


def _bytes(sample: Sample) -> bytes:
    return sample.image if isinstance(sample.image, bytes) else sample.image.read_bytes()
