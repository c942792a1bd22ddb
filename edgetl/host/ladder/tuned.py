"""The last rung's graph: trained against its float graph, and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgetl.artifact import sha256_of
from edgetl.errors import DataError, Unsupported
from edgetl.files import write_atomically, write_bytes
from edgetl.host.fingerprint import machinery
from edgetl.host.quantize.tuning import TuneSettings
from edgetl.host.quantize.tuning.tune import tune
from edgetl.host.training.checkpoint import Checkpoint
from edgetl.host.variants import stratified
from edgetl.host.workspace import Workspace
from edgetl.ladder import Trained
from edgetl.tensors import Feed

SAMPLES = 512
"""Training samples that are used at most."""


@dataclass(frozen=True)
class Allowance:
    """How long training may take, in seconds."""

    left_s: float
    climb: tuple[object, ...]
    """What the time that is left depends on (JSON-able): a graph that was trained in another climb is trained again."""


def tuned_graph(workspace: Workspace, allowance: Allowance, float_graph: Path, quantized: Path) -> tuple[Path, Trained]:
    """The Q/DQ graph after training, and what that did, from the cache where the same climb trained it before.

    Where training gains nothing it is the graph as it was. A training that was stopped goes on where it was a minute
    before at most.

    Args:
        workspace: with the training samples.
        allowance: of training.
        float_graph: the teacher.
        quantized: what was rendered from it.

    Raises:
        Unsupported: the graph has an operator that cannot be trained, or there are too few samples.
    """
    samples = stratified(workspace.splits.train, SAMPLES, workspace.seed)
    seen = [workspace.reader.identity, [sample.sha256 for sample in samples]]
    how = [workspace.seed, workspace.threads, allowance.climb, machinery()]
    parts = [sha256_of(float_graph), sha256_of(quantized), seen, *how]
    told = workspace.cache.measured("tuned", parts, ".json")
    unfinished = workspace.cache.path("tuned", [*parts, "unfinished"], ".pt")

    def make(path: Path) -> None:
        settings = TuneSettings(
            allowance.left_s,
            threads=workspace.threads,
            seed=workspace.seed,
            progress=workspace.progress,
            checkpoint=Checkpoint(unfinished),
        )
        trained = _trained(float_graph, quantized, workspace.feeds(samples), path, settings)
        write_bytes(told, msgspec.json.encode(trained))

    graph = workspace.cache.file("tuned", parts, ".onnx", make)
    try:
        trained = msgspec.json.decode(told.read_bytes(), type=Trained)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        # lost, damaged, or to be found anew: without it nobody would know what training did
        write_atomically(graph, make)
        trained = msgspec.json.decode(told.read_bytes(), type=Trained)
    unfinished.unlink(missing_ok=True)
    return graph, trained


def _trained(float_graph: Path, quantized: Path, feeds: Iterator[Feed], out: Path, settings: TuneSettings) -> Trained:
    try:
        found = tune(float_graph, quantized, feeds, out, settings)
    except DataError as error:
        raise Unsupported(f"it cannot be trained: {error}") from error
    settings.progress.note(
        f"{found.steps} steps of training against float, {found.seconds:.0f} s: on {found.held_out} other samples "
        f"its loss went from {found.loss_before:.4g} to {found.loss_after:.4g}"
    )
    return Trained(found.steps, found.loss_before, found.loss_after, found.trained_on, found.held_out)
