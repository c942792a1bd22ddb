"""The device half: build, load, verify, evaluate, time, select."""

from __future__ import annotations

import datetime
import time
from pathlib import Path

import msgspec

from edgetl import __version__
from edgetl.bundle import Bundle
from edgetl.device.bench.plan import PLANS
from edgetl.device.bench.scenarios.record import recorded
from edgetl.device.bench.timing import Clock, latency
from edgetl.device.choice import result_path, stored_record
from edgetl.device.evaluate import Examined
from edgetl.device.examine import examine_bundle
from edgetl.device.measure import Measured, Ready, measure
from edgetl.device.probe import environment, remarks
from edgetl.device.session import Settings, begin
from edgetl.environment import Environment
from edgetl.files import refused, replacing
from edgetl.progress import Progress, Silent
from edgetl.result import SCHEMA, CandidateResult, Result
from edgetl.scenario import SINGLE_STREAM
from edgetl.target import Target

__all__ = ["Settings", "qualify", "result_path", "stored_result"]

_EFFORTS = tuple(PLANS)
"""The least first."""


def qualify(
    bundle: Bundle,
    target: Target,
    settings: Settings,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter_ns,
) -> Result:
    """Judge every candidate of a bundle on this machine and choose the fastest that passes.

    The result is also written below ``settings.cache_dir``, where :func:`stored_result` and ``edgetl.open`` find it,
    unless there is one of more effort, or this one's timing is invalid and that of the one there is not.

    Inputs of timing are copies of up to 16 golden samples, of no more than 256 MiB unless two take more.

    Returns:
        Every candidate with its checks and the reason against it; ``passed`` is false when none is left.

    Raises:
        MissingExtra: no runtime of the target is installed.
        BundleError: the bundle changed since it was opened.
        InputError: the cache folder cannot be written to.
        EdgeTLError: its disk is full.
    """
    started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    here, session = environment(), begin(bundle, target, settings, progress or Silent(), clock)
    for remark in remarks(here.cpu):
        session.progress.note(remark)
    for remark in session.unjudged:
        session.progress.warn(remark)
    examined = tuple(examine_bundle(session, here))
    ready = tuple(Ready(one.formed, one.runner) for one in examined if one.runner is not None)
    try:
        measured = measure(ready, session, here)
    finally:
        for one in ready:
            one.runner.close()
    result = Result(
        schema=SCHEMA,
        edgetl_version=__version__,
        bundle=bundle.identity,
        target=target.name,
        effort=settings.effort,
        environment=here,
        candidates=tuple(_record(one, measured) for one in examined),
        selected=measured.selected,
        passed=measured.selected is not None,
        remarks=session.unjudged,
        scenario=SINGLE_STREAM,
        started_utc=started,
        state=measured.timing.state,
        telemetry=measured.timing.telemetry,
        strict=tuple(sorted(settings.strict)),
    )
    if _is_worth_keeping(result, stored_record(bundle, here, settings.cache_dir)):
        _store(result, result_path(bundle, settings.cache_dir, here))
    return result


def stored_result(bundle: Bundle, target: Target, settings: Settings, here: Environment) -> Result | None:
    """The qualification of this bundle for this target, with this effort, on this machine.

    Returns:
        ``None`` without one, or when its timing is invalid, so that it is made again.
    """
    result = stored_record(bundle, here, settings.cache_dir)
    if result is None or result.is_invalid or (result.target, result.effort) != (target.name, settings.effort):
        return None
    return result


def _record(one: Examined, measured: Measured) -> CandidateResult:
    candidate, artifact = one.formed.candidate, one.formed.variant.artifact
    timed, end_to_end = measured.timing.timed.get(one.name), measured.end_to_end.get(one.name)
    plain = CandidateResult(
        name=one.name,
        variant=candidate.variant,
        rendering=artifact.rendering,
        precision=candidate.precision,
        runtime=candidate.runtime,
        threads=candidate.threads,
        checks=(*one.checks, *measured.checks.get(one.name, ())),
        accuracy=one.accuracy,
        latency=None,
        end_to_end=None if end_to_end is None else latency(end_to_end, "end-to-end"),
        cold=measured.cold.get(one.name),
        size_bytes=artifact.size_bytes,
        rejected_because=one.rejected_because or measured.rejected_because.get(one.name),
        validity=measured.timing.validity.get(one.name),
    )
    return plain if timed is None else recorded(plain, timed, SINGLE_STREAM, measured.timing.overhead_ns.get(one.name))


def _is_worth_keeping(result: Result, kept: Result | None) -> bool:
    """An invalid run replaces only another such, and a shorter one no longer one of its kind."""
    if kept is None:
        return True
    if kept.is_invalid != result.is_invalid:
        return kept.is_invalid
    return _EFFORTS.index(kept.effort) <= _EFFORTS.index(result.effort)


def _store(result: Result, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(msgspec.json.encode(result))
    except OSError as error:
        message = f"cannot write the result to {str(path.parent)!r} ({error.strerror}); choose another cache folder"
        raise refused(message, error) from error
