"""Every candidate of a bundle, verified and evaluated on this machine."""

from __future__ import annotations

from collections.abc import Iterator

from edgetl.check import Check, failures
from edgetl.device.candidates import Formed, form
from edgetl.device.evaluate import Exam, Examined, examine
from edgetl.device.session import Session
from edgetl.device.verify import decoder_drift
from edgetl.environment import Environment


def examine_bundle(session: Session, here: Environment) -> Iterator[Examined]:
    """Form every candidate and examine one after the other, each when it is asked for.

    One that passed has a runner, which the caller closes; the others are closed, so that they take no memory.

    Args:
        session: what is judged, and with what.
        here: this machine.

    Raises:
        BundleError: the bundle changed since it was opened.
        InputError: the cache folder cannot be written to.
    """
    formed = form(session.bundle.manifest.variants, session.target, here, session.backends)
    drift = _drift(session.exam)
    with session.progress.stage("verify and evaluate candidates", len(formed)) as step:
        for one in formed:
            yield _examine(session, one, drift)
            step.advance()


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
