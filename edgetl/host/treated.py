"""An equal float graph that quantizes better, and what calibration sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from edgetl.artifact import sha256_of
from edgetl.host.data.dataset import Sample
from edgetl.host.fingerprint import machinery
from edgetl.host.quantize.treatments import treat
from edgetl.host.quantize.treatments.moments import IMAGES, Moments, collect_moments
from edgetl.host.variants import Calibrated, Made, ranges
from edgetl.host.workspace import Workspace
from edgetl.tensors import Feed


@dataclass(frozen=True)
class Basis:
    """A float graph to render from."""

    made: Made
    """The float variant, or the same with a graph that computes what its graph does."""
    calibrated: Calibrated
    """Of this very graph."""
    workspace: Workspace

    @property
    def moments_of(self) -> tuple[str, ...]:
        """Hashes of the samples of :attr:`moments`, in order."""
        return tuple(sample.sha256 for sample in self.calibrated.samples[:IMAGES])

    @cached_property
    def moments(self) -> Moments:
        """Of the inputs of its layers; collected when they are first asked for."""
        feeds = _Feeds(self.calibrated.samples[:IMAGES], self.workspace)
        with self.workspace.progress.stage("collect moments of what layers read"):
            return collect_moments(self.made.model, feeds, self.workspace.threads)


def treated(basis: Basis, names: tuple[str, ...]) -> Basis:
    """The same with treatments of graphs applied, calibrated on the same samples; both come from the cache.

    Args:
        basis: of the float variant.
        names: treatments of graphs, at least one.
    """
    workspace, calibrated = basis.workspace, basis.calibrated
    feeds = _Feeds(calibrated.samples, workspace)

    def make(path: Path) -> None:
        with workspace.progress.stage(f"treat the float graph ({', '.join(names)})"):
            treat(basis.made.model, names, feeds, path, workspace.threads)

    seen = [workspace.reader.identity, [sample.sha256 for sample in calibrated.samples]]
    parts = [list(names), sha256_of(basis.made.model), seen, machinery()]
    model = workspace.cache.file("treated", parts, ".onnx", make)
    record = ranges(model, calibrated.samples, calibrated.record.estimator, workspace)
    return Basis(replace(basis.made, model=model), Calibrated(record, calibrated.samples), workspace)


@dataclass(frozen=True)
class _Feeds:
    """What a model takes for samples, read again each time they are asked for."""

    samples: tuple[Sample, ...]
    workspace: Workspace

    def __iter__(self) -> Iterator[Feed]:
        return self.workspace.feeds(self.samples)
