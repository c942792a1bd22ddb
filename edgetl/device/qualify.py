"""The device half: build, load, verify, evaluate, time, select."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from edgetl import __version__
from edgetl.bundle import Bundle
from edgetl.check import Check, failures
from edgetl.device.bench.timing import Clock, latency
from edgetl.device.candidates import Formed, backends_of, form
from edgetl.device.choice import result_path
from edgetl.device.evaluate import Exam, Examined, examine
from edgetl.device.measure import Measured, Ready, measure
from edgetl.device.probe import environment, remarks
from edgetl.device.session import Session, Settings
from edgetl.device.verify import decoder_drift
from edgetl.environment import Environment
from edgetl.errors import InputError
from edgetl.files import replacing
from edgetl.plugins import TASKS, resolve
from edgetl.progress import Progress, Silent
from edgetl.result import SCHEMA, CandidateResult, Result, read_result
from edgetl.target import Target

__all__ = ["Settings", "qualify", "result_path", "stored_result"]


def qualify(
    bundle: Bundle,
    target: Target,
    settings: Settings,
    progress: Progress | None = None,
    clock: Clock = time.perf_counter_ns,
) -> Result:
    """Judge every candidate of a bundle on this machine and choose the fastest that passes.

    The result is also written below ``settings.cache_dir``, where :func:`stored_result` finds it.

    Returns:
        Every candidate with its checks and the reason against it; ``passed`` is false when none is left.

    Raises:
        MissingExtra: no runtime of the target is installed.
        BundleError: the bundle changed since it was opened.
        InputError: the cache folder cannot be written to.
    """
    manifest, backends, here = bundle.manifest, backends_of(target), environment()
    exam = Exam(manifest, bundle.golden(), resolve(TASKS[manifest.task][1]), settings.seed)
    session = Session(bundle, target, settings, exam, backends, progress or Silent(), clock)
    for remark in remarks(here):
        session.progress.note(remark)
    examined = _examine_all(session, form(manifest.variants, target, here, backends))
    ready = tuple(Ready(one.formed, one.runner) for one in examined if one.runner is not None)
    try:
        measured = measure(ready, session)
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
    )
    _store(result, result_path(bundle, settings.cache_dir, here))
    return result


def stored_result(bundle: Bundle, target: Target, settings: Settings, here: Environment) -> Result | None:
    """The qualification of this bundle for this target, with this effort, on this machine; ``None`` without one."""
    try:
        result = read_result(result_path(bundle, settings.cache_dir, here))
    except InputError:
        return None
    same = (result.target, result.effort, result.bundle.sha256) == (target.name, settings.effort, bundle.sha256)
    return result if same else None


def _examine_all(session: Session, formed: tuple[Formed, ...]) -> tuple[Examined, ...]:
    drift = _drift(session.exam)
    examined: list[Examined] = []
    with session.progress.stage("verify and evaluate candidates", len(formed)) as step:
        for one in formed:
            examined.append(_examine(session, one, drift))
            step.advance()
    return tuple(examined)


def _examine(session: Session, formed: Formed, drift: tuple[Check, ...]) -> Examined:
    if formed.rejected_because is not None:
        return Examined(formed, None, (), None, formed.rejected_because)
    backend = session.backends[formed.candidate.runtime]
    cache = session.settings.cache_dir / "built"
    found = examine(formed, backend, session.model(formed), cache, session.exam)
    if found.runner is None:
        return found
    checks = (*found.checks, *drift)
    rejected = failures(checks) or None
    if rejected is not None:
        # the others are timed with what memory the machine has
        found.runner.close()
    return Examined(formed, None if rejected else found.runner, checks, found.accuracy, rejected)


def _drift(exam: Exam) -> tuple[Check, ...]:
    preprocess = exam.manifest.preprocess
    return (decoder_drift(exam.golden, preprocess),) if preprocess is not None and exam.golden.encoded else ()


def _record(one: Examined, measured: Measured) -> CandidateResult:
    candidate, artifact = one.formed.candidate, one.formed.variant.artifact
    timed, end_to_end = measured.timed.get(one.name), measured.end_to_end.get(one.name)
    return CandidateResult(
        name=one.name,
        variant=candidate.variant,
        rendering=artifact.rendering,
        precision=candidate.precision,
        runtime=candidate.runtime,
        threads=candidate.threads,
        checks=(*one.checks, *measured.checks.get(one.name, ())),
        accuracy=one.accuracy,
        latency=None if timed is None else latency(timed, "infer"),
        end_to_end=None if end_to_end is None else latency(end_to_end, "end-to-end"),
        cold=measured.cold.get(one.name),
        size_bytes=artifact.size_bytes,
        rejected_because=one.rejected_because or measured.rejected_because.get(one.name),
    )


def _store(result: Result, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(msgspec.json.encode(result))
    except OSError as error:
        raise InputError(
            f"cannot write the result to {str(path.parent)!r} ({error.strerror}); choose another cache folder"
        ) from error
