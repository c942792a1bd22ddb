"""What a graph says of samples, computed once: judging, reporting and golden outputs read the same rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgetl.errors import Unsupported
from edgetl.host.data.dataset import Sample
from edgetl.host.inference import Engine, identity_of, run
from edgetl.host.rows import Row, keeping, kept_rows
from edgetl.host.workspace import Workspace
from edgetl.progress import Step
from edgetl.tensors import Array, Batch

_OUTPUT = "output/"
"""Before an output's name in a shard, so that none is taken for the shard's own arrays."""


def predictions(engine: Engine, samples: tuple[Sample, ...], workspace: Workspace, title: str) -> dict[str, Array]:
    """Outputs of a graph for samples, at least one, ``(n, ...)`` each; what the cache has is not computed again.

    The key holds everything that changes the numbers: graph, runtime and version, precision, ISA, how samples are read,
    and their content.

    Args:
        title: of the stage, which is opened only when something is computed.

    Raises:
        DataError: a sample cannot be read.
        Unsupported: an output has another shape for one sample than for another.
    """
    folder = workspace.cache.path("predictions", identity_of(engine, workspace.reader.identity))
    folder.mkdir(exist_ok=True)
    rows = kept_rows(folder, {sample.sha256 for sample in samples})
    todo = tuple({sample.sha256: sample for sample in samples if sample.sha256 not in rows}.values())
    if todo:
        with workspace.progress.stage(title, len(todo)) as step:
            rows.update(keeping(folder, _computed(engine, todo, workspace, step)))
    names = rows[samples[0].sha256].keys()
    return {name.removeprefix(_OUTPUT): np.stack([rows[sample.sha256][name] for sample in samples]) for name in names}


def _computed(
    engine: Engine, samples: tuple[Sample, ...], workspace: Workspace, step: Step
) -> Iterator[tuple[str, Row]]:
    feeds = workspace.feeds(samples)
    known: dict[str, tuple[int, ...]] = {}
    for sample, outputs in zip(samples, run(engine, feeds, workspace.threads), strict=True):
        _check_shapes(sample, outputs, known)
        yield sample.sha256, {f"{_OUTPUT}{name}": array[0] for name, array in outputs.items()}
        step.advance()


def _check_shapes(sample: Sample, outputs: Batch, known: dict[str, tuple[int, ...]]) -> None:
    for name, array in outputs.items():
        if known.setdefault(name, array.shape) != array.shape:
            raise Unsupported(
                f"output {name!r} has shape {array.shape} for {sample.name!r} and {known[name]} for others; expected "
                "the same shape for every sample; give samples of one length, or leave that output out of the model"
            )
