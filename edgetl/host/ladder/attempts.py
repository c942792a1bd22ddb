"""One rung: make its graph, judge it, time it, and keep what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from edgetl.artifact import sha256_of
from edgetl.check import Check, failures
from edgetl.device.tasks.likeness import CHANGED, ERROR
from edgetl.errors import BackendError, DataError, EdgeTLError, Unsupported
from edgetl.files import write_bytes
from edgetl.host.fingerprint import machinery
from edgetl.host.judge import SIZE, flipped, verdict
from edgetl.host.ladder.ascent import Ascent, Purse
from edgetl.host.ladder.rungs import Rung, is_on_integers
from edgetl.host.ladder.speed import int8_share, structure_sha256, untimed_because
from edgetl.host.ladder.tuned import Allowance, tuned_graph
from edgetl.host.refit import FeatureGraph, honest_logits
from edgetl.host.variants import Made, Quantization, quantized_variant, spelled, variant_name
from edgetl.host.workspace import Workspace
from edgetl.ladder import Attempt, Treatment

DROPS = ("accuracy drop", CHANGED, ERROR)
"""Names of the check that says how much is lost against float."""
T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What came of a rung; kept, so that a later run need not make it again."""

    attempt: Attempt
    model_sha256: str | None
    """Of the graph; ``None`` where none could be made."""
    structure_sha256: str | None = None
    """Of all that its latency hangs on, which graphs with other weights share."""
    is_too_large: bool = False
    """Whether its file is larger than the gates allow."""


class Kept(msgspec.Struct, frozen=True):
    """Anything that took time to find out."""

    value: msgspec.Raw
    seconds: float


@dataclass(frozen=True)
class Tried:
    """A rung with what came of it."""

    rung: Rung
    outcome: Outcome

    @property
    def attempt(self) -> Attempt:
        """What is told of it."""
        return self.outcome.attempt

    @property
    def loss(self) -> float | None:
        """Fraction lost against float; ``None`` where it is not known."""
        return None if self.attempt.check is None else self.attempt.check.value


def attempt(ascent: Ascent, rung: Rung, purse: Purse) -> Tried:
    """Make and judge the graph of a rung, or take what came of it in an earlier run."""
    # what is left of the budget is another number in every run, and what that comes of is not
    course = None if rung.tuning_s is None else ascent.course
    parts = ["attempt", ascent.identity, rung.name, rung.refit, rung.on_graph, spelled(rung.settings), course]
    try:
        outcome = remembered(ascent, parts, purse, Outcome, lambda: _outcome(ascent, rung))
    except (BackendError, DataError) as error:
        # not kept: memory that was short, or a disk that was away, may be there another time
        outcome = _failed(ascent, rung, error)
    return Tried(rung, outcome)


def timed(ascent: Ascent, tried: Tried, purse: Purse) -> Tried:
    """The same with its time against float, where this machine can tell."""
    because = untimed_because(ascent.rendering, ascent.means.cpu(), ascent.quantize.renderings)
    if tried.outcome.model_sha256 is None:
        because = "there is no graph"
    if because:
        untimed = msgspec.structs.replace(tried.attempt, untimed_because=because)
        return Tried(tried.rung, msgspec.structs.replace(tried.outcome, attempt=untimed))
    return Tried(tried.rung, msgspec.structs.replace(tried.outcome, attempt=_timed(ascent, tried, purse)))


def is_settled(tried: Tried) -> bool:
    """Whether its time is known, or why not."""
    return tried.attempt.time_ratio is not None or bool(tried.attempt.untimed_because)


@contextmanager
def made(ascent: Ascent, rung: Rung) -> Iterator[Made]:
    """The graph of a rung as a variant, in a file that goes again; its parts come from the cache where they are there.

    Raises:
        Unsupported: nothing of the graph can be written this way.
    """
    with tempfile.TemporaryDirectory(prefix="edgetl-rung-") as folder:
        path = Path(folder) / f"{variant_name(ascent.rendering)}.onnx"
        yield written(ascent, rung, path)


def judged_form(variant: Made, workspace: Workspace) -> Made:
    """A quantized variant with logits of the training samples, as far as nothing made them dishonest.

    A head that was fitted again brought them. Of one that is as it was, float's heads of cross-validation say them from
    the features of the graph. What was trained on images of the training split has none.
    """
    if variant.is_refitted or (variant.trained is not None and variant.trained.changed_it):
        return variant
    source = FeatureGraph(variant.engine, variant.rendering)
    return replace(variant, out_of_fold=honest_logits(source, variant.fitted, workspace))


def written(ascent: Ascent, rung: Rung, path: Path) -> Made:
    """Write the graph of a rung.

    Raises:
        Unsupported: nothing of the graph can be written this way.
    """
    basis, refit = ascent.basis(rung.on_graph), ascent.refit if rung.refit else None
    tuned = None
    if rung.tuning_s is not None:
        tuned = partial(tuned_graph, ascent.workspace, Allowance(rung.tuning_s, ascent.course))
    record = basis.calibrated.record
    how = Quantization(ascent.rendering, record, rung.settings, refit, lambda: basis.moments, basis.moments_of, tuned)
    return quantized_variant(basis.made, how, path, ascent.workspace)


def remembered(ascent: Ascent, parts: Sequence[object], purse: Purse, kind: type[T], find: Callable[[], T]) -> T:
    """What was found out before, or is now and is kept; either way it costs the time that it took when it was found."""
    path = ascent.workspace.cache.measured("ladder", parts, ".json")
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        value = msgspec.json.decode(kept.value, type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        began = ascent.means.clock()
        try:
            value = find()
        finally:
            seconds = ascent.means.clock() - began
            purse.pay(seconds)
        write_bytes(path, msgspec.json.encode(Kept(msgspec.Raw(msgspec.json.encode(value)), seconds)))
    else:
        purse.pay(kept.seconds)
    return value


def _outcome(ascent: Ascent, rung: Rung) -> Outcome:
    try:
        with made(ascent, rung) as variant:
            judged = judged_form(variant, ascent.workspace)
            checks = verdict(judged, ascent.made, ascent.jury)
            flips = flipped(judged, ascent.made, ascent.jury)
            share, sha256 = int8_share(variant.model), sha256_of(variant.model)
            structure = structure_sha256(variant.model)
    except Unsupported as error:
        # what one graph cannot do says nothing of the others
        return _failed(ascent, rung, error)
    found = msgspec.structs.replace(
        _bare(ascent, rung),
        head="fitted again" if variant.is_refitted else "as it was",
        passed=all(check.passed for check in checks),
        check=_drop(checks),
        flips=flips,
        reason=failures(checks),
        int8_share=share,
        trained=variant.trained,
    )
    is_too_large = any(check.name == SIZE and not check.passed for check in checks)
    return Outcome(found, sha256, structure, is_too_large)


def _bare(ascent: Ascent, rung: Rung) -> Attempt:
    """What is known of an attempt before it is made."""
    estimator = rung.settings.estimator or ascent.calibrated.record.estimator
    in_float = tuple(sorted(rung.settings.keep_float))
    treatments = tuple(Treatment(name) for name in rung.treatments) if is_on_integers(ascent.rendering) else ()
    return Attempt(rung.name, "as it was", estimator, passed=False, in_float=in_float, treatments=treatments)


def _failed(ascent: Ascent, rung: Rung, error: EdgeTLError) -> Outcome:
    return Outcome(msgspec.structs.replace(_bare(ascent, rung), reason=str(error)), None)


def _timed(ascent: Ascent, tried: Tried, purse: Purse) -> Attempt:
    # short timings differ by a quarter, and graphs that differ in weights alone are not to be chosen among by that
    graphs = [ascent.made.engine.identity, tried.outcome.structure_sha256]
    parts = ["time", *graphs, ascent.workspace.threads, machinery(), ascent.means.cpu().model]
    try:
        ratio = remembered(ascent, parts, purse, float, lambda: _ratio(ascent, tried))
    except BackendError as error:
        return msgspec.structs.replace(tried.attempt, untimed_because=f"it cannot be timed here ({error})")
    return msgspec.structs.replace(tried.attempt, time_ratio=ratio, untimed_because="")


def _drop(checks: tuple[Check, ...]) -> Check | None:
    return next((check for check in checks if check.name in DROPS), None)


def _ratio(ascent: Ascent, tried: Tried) -> float:
    title = f"time {tried.rung.name} ({ascent.rendering}) against float"
    with made(ascent, tried.rung) as variant, ascent.workspace.progress.stage(title):
        return ascent.means.time_ratio(variant.engine, ascent.made.engine, ascent.workspace)
