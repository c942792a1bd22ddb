"""From an adapted trunk to the graphs a bundle may carry, each with what is known of it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edgetl.artifact import sha256_of
from edgetl.check import Check, failures
from edgetl.errors import GateFailed, InputError
from edgetl.files import write_atomically, write_bytes
from edgetl.host.adapt import Adapted, FittedHead
from edgetl.host.data.dataset import Sample
from edgetl.host.data.labels import strata
from edgetl.host.data.stream import stream
from edgetl.host.export import module_digest, torch_parity, trunk_graph
from edgetl.host.fingerprint import decoding, machinery
from edgetl.host.graph import FEATURES, HEAD, LOGITS, attach_head, expose_features, head_nodes, read_graph, replace_head
from edgetl.host.inference import Crew, Engine, collect, fastest, installed
from edgetl.host.quantize import Rendering, RenderSettings
from edgetl.host.quantize.calibrate import CalibrationSettings, calibrate
from edgetl.host.quantize.record import CalibrationRecord, Estimator, read_record
from edgetl.host.quantize.treatments import need_moments
from edgetl.host.quantize.treatments.moments import Moments
from edgetl.host.refit import FeatureGraph, Refit, head_for
from edgetl.host.torch_runner import TorchRunner
from edgetl.host.workspace import Workspace
from edgetl.ladder import Trained
from edgetl.plugins import RENDERINGS, find
from edgetl.recipe import Quantize
from edgetl.runner import own_precision
from edgetl.target import Precision
from edgetl.tensors import Array, TensorSpec

PARITY_IMAGES = 16
"""On which an exported graph is compared with what it was made from."""


@dataclass(frozen=True)
class Made:
    """One graph with the host's own predictions on the data it was made from."""

    name: str
    model: Path
    rendering: str
    precision: Precision
    out_of_fold: NDArray[np.float32] | None
    """Honest logits of the training samples, ``(n, classes)``: of a head that did not see them, on a trunk that was not
    trained on them; ``None`` where there are none."""
    checks: tuple[Check, ...]
    runtime: str = "onnxruntime"
    """What the head was fitted in and the host evaluates in. The fastest one here, because it is the likely choice of a
    device, and int8 kernels of two runtimes round differently enough to flip close decisions."""
    fitted: FittedHead | None = field(default=None, repr=False, compare=False)
    """Its head with the heads of cross-validation, where it was fitted apart from a trunk."""
    is_refitted: bool = False
    """Whether that was fitted again, on the features of its own trunk."""
    trained: Trained | None = None
    """What training did to it; ``None`` without one."""

    @property
    def engine(self) -> Engine:
        """The graph with the runtime that the host's numbers come from."""
        return Engine(self.model, self.runtime, self.precision)


@dataclass(frozen=True)
class Calibrated:
    """Activation ranges, and the samples they were seen on."""

    record: CalibrationRecord
    samples: tuple[Sample, ...]


def float_variant(adapted: Adapted, workspace: Workspace, folder: Path) -> Made:
    """Export trunk and head as one float graph, and prove on real images that it computes what torch computes.

    Raises:
        GateFailed: it does not.
    """
    path = folder / "fp32.onnx"
    attach_head(trunk_graph(adapted.trunk, workspace), adapted.head, path)
    runtime = fastest_runtime(path, "fp32", workspace)
    checks = _compared(adapted, workspace, path, tuple(sorted({"onnxruntime", runtime})))
    if failures(checks):
        raise GateFailed(
            f"the exported model does not compute what torch computes ({failures(checks)}); nothing was written; "
            "choose another backbone, or report this with its name"
        )
    fitted = adapted.fitted
    out_of_fold = None if fitted is None else fitted.out_of_fold
    return Made("fp32", path, "float", "fp32", out_of_fold, checks, runtime, fitted)


@dataclass(frozen=True)
class Quantization:
    """How a float variant becomes a quantized one."""

    rendering: str
    record: CalibrationRecord
    settings: RenderSettings = field(default_factory=RenderSettings)
    """The head stays in float whatever they say."""
    refit: Refit | None = None
    """``None`` keeps the head as it is."""
    moments: Callable[[], Moments] | None = None
    """Collects those that treatments need, where a graph with one of these has to be made."""
    moments_of: tuple[str, ...] = ()
    """Hashes of the images that these are collected on, in order: a record forgets it, and in another order other rows
    are looked at."""
    tuned: Callable[[Path, Path], tuple[Path, Trained]] | None = None
    """From the float graph and its Q/DQ graph to the same one trained, before a head is fitted to it; and what that
    did. What is trained on images of the training split makes no honest prediction on these any more."""


def quantized_variant(made: Made, how: Quantization, path: Path, workspace: Workspace) -> Made:
    """Quantize the trunk, leave the head in float, and fit the head again on the features of that trunk.

    Args:
        made: the float variant.
        how: what to make of it.
        path: the file to write.

    Raises:
        Unsupported: nothing of the graph can be written this way.
    """
    name, precision = variant_name(how.rendering), own_precision(how.rendering)
    rendered = _rendered(made.model, how, workspace)
    graph, trained = (rendered, None) if how.tuned is None else how.tuned(made.model, rendered)
    shutil.copyfile(graph, path)
    runtime = _likely_runtime(path, how.rendering, workspace)
    bare = Made(name, path, how.rendering, precision, None, (), runtime, made.fitted, trained=trained)
    source = FeatureGraph(bare.engine, bare.rendering)
    fitted = None if how.refit is None else head_for(source, how.refit, made.fitted, workspace)
    if fitted is None:
        return bare
    replace_head(path, fitted.head, path)
    out_of_fold = None if trained is not None and trained.changed_it else fitted.out_of_fold
    return replace(bare, out_of_fold=out_of_fold, fitted=fitted, is_refitted=True)


def variant_name(rendering: str) -> str:
    """What the variant of a rendering is called: ``int8-x86-vnni``, ``fp16``."""
    precision = own_precision(rendering)
    return rendering if rendering == precision else f"{precision}-{rendering}"


def calibration(made: Made, quantize: Quantize, workspace: Workspace) -> Calibrated:
    """Ranges of the float graph over a stratified sample of the training samples.

    Raises:
        DataError: nothing but noise is in these.
    """
    samples = stratified(workspace.splits.train, quantize.calibration, workspace.seed)
    workspace.reader.check(samples)
    return Calibrated(ranges(made.model, samples, quantize.estimator, workspace), samples)


def ranges(model: Path, samples: tuple[Sample, ...], estimator: Estimator, workspace: Workspace) -> CalibrationRecord:
    """What calibration sees of a float graph on these samples, from the cache when it has it.

    The head is taken off first where it can be, so that another head does not mean another calibration.
    """
    with tempfile.TemporaryDirectory(prefix="edgetl-trunk-") as folder:
        trunk = model
        if head_nodes(read_graph(model)) == {HEAD}:
            trunk = Path(folder) / "trunk.onnx"
            expose_features(model, trunk)
        return _calibrated(trunk, samples, estimator, workspace)


def _calibrated(
    trunk: Path, samples: tuple[Sample, ...], estimator: Estimator, workspace: Workspace
) -> CalibrationRecord:
    images = [sample.sha256 for sample in samples]
    how = [workspace.reader.identity, estimator, machinery()]
    parts = [Engine(trunk, "onnxruntime").identity, images, *how]

    def make(path: Path) -> None:
        settings = CalibrationSettings(
            threads=workspace.threads,
            estimator=estimator,
            progress=workspace.progress,
            total=len(samples),
            unfinished=workspace.cache.path("calibration", [*parts, "unfinished"], ".npz"),
        )
        calibrate(trunk, workspace.feeds(samples), settings).save(path)

    cached = workspace.cache.path("calibration", parts, ".npz")
    try:
        return read_record(workspace.cache.file("calibration", parts, ".npz", make))
    except InputError:
        # damaged on the disk since it was written: it costs seconds to make again
        write_atomically(cached, make)
        return read_record(cached)


def _rendered(model: Path, how: Quantization, workspace: Workspace) -> Path:
    """The quantized graph before its head is fitted again, from the cache when it was made of the same before."""
    found: Rendering = find(RENDERINGS, how.rendering, "rendering")
    settings = replace(how.settings, keep_float=how.settings.keep_float | head_nodes(read_graph(model)))
    is_needed = how.moments is not None and need_moments(settings.treatments)

    def make(path: Path) -> None:
        with workspace.progress.stage(f"quantize for {how.rendering}"):
            moments = how.moments() if is_needed and how.moments is not None else None
            found.render(model, how.record, path, replace(settings, moments=moments))

    parts = [how.rendering, sha256_of(model), how.record.sha256, spelled(settings), machinery()]
    parts += [how.moments_of] if is_needed else []
    return workspace.cache.file("renderings", parts, ".onnx", make)


def spelled(settings: RenderSettings) -> dict[str, object]:
    """Settings as JSON-able data, the same for equal ones."""
    fields: dict[str, object] = asdict(settings)
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in fields.items()}


def fastest_runtime(model: Path, precision: str, workspace: Workspace) -> str:
    """Name of the runtime that is fastest for a graph here, one sample at a time as on a device."""
    return fastest(model, precision, workspace.example(), Crew.alone(workspace.threads), workspace.cache).runtime


def _likely_runtime(model: Path, rendering: str, workspace: Workspace) -> str:
    """The runtime that a quantized graph is for, where that is one; else the fastest here (ADR 0007).

    Where this CPU's sums would saturate, it is one that can be asked for exact ones.
    """
    meant: Rendering = find(RENDERINGS, rendering, "rendering")
    own = [name for name in installed() if name in meant.runtimes]
    if len(meant.runtimes) == len(own) == 1 and not Engine(model, own[0]).exact_sums:
        return own[0]
    return fastest_runtime(model, own_precision(rendering), workspace)


def stratified(samples: tuple[Sample, ...], count: int, seed: int) -> tuple[Sample, ...]:
    """About ``count`` samples, each class in proportion and at least once, interleaved; all when there are fewer."""
    rng = np.random.default_rng(seed)
    placed = []
    labels = strata(samples)
    for label in sorted(set(labels)):
        members = [sample for sample, own in zip(samples, labels, strict=True) if own == label]
        quota = min(len(members), max(1, round(count * len(members) / len(samples))))
        chosen = rng.permutation(len(members))[:quota]
        placed += [((place + 0.5) / quota, label, members[int(index)]) for place, index in enumerate(chosen)]
    return tuple(sample for _, _, sample in sorted(placed, key=lambda entry: entry[:2]))


def _compared(adapted: Adapted, workspace: Workspace, path: Path, runtimes: tuple[str, ...]) -> tuple[Check, ...]:
    """:func:`parity_with_torch`, from the cache when the same graph passed it before."""
    samples = stratified(workspace.splits.validation, PARITY_IMAGES, workspace.seed)
    images = [decoding(workspace.preprocess), [sample.sha256 for sample in samples]]
    graphs = [Engine(path, name).identity for name in runtimes]
    kept = workspace.cache.path("parity", [module_digest(adapted.trunk), graphs, images, machinery()], ".json")
    try:
        return msgspec.json.decode(kept.read_bytes(), type=tuple[Check, ...])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        # not there, or damaged on the disk: seconds to find out again
        pass
    with workspace.progress.stage("compare with torch on real images"):
        checks = parity_with_torch(adapted, workspace, path, runtimes)
    if not failures(checks):
        write_bytes(kept, msgspec.json.encode(checks))
    return checks


def parity_with_torch(
    adapted: Adapted, workspace: Workspace, path: Path, runtimes: tuple[str, ...]
) -> tuple[Check, ...]:
    """Compare an exported graph with the torch module it came from, on real validation images, in every runtime."""
    samples = stratified(workspace.splits.validation, PARITY_IMAGES, workspace.seed)
    images = tuple(stream(samples, workspace.preprocess, threads=workspace.threads))
    runner = TorchRunner(
        adapted.trunk,
        (TensorSpec("image", "uint8", (None, *images[0].shape)),),
        (TensorSpec(FEATURES, "float32", (None, adapted.head.weight.shape[1])),),
        workspace.threads,
    )
    try:
        features: Array = np.concatenate([runner.infer({"image": image[None]})[FEATURES] for image in images])
    finally:
        runner.close()
    expected = {LOGITS: (features @ adapted.head.weight.T + adapted.head.bias).astype(np.float32)}
    return tuple(
        torch_parity(expected, collect(Engine(path, name), images, workspace.threads), f"parity with torch ({name})")
        for name in runtimes
    )
