"""Whether a candidate computes what the host computed, and is as accurate, on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgetl.bundle import Manifest
from edgetl.candidate import Candidate
from edgetl.check import Check, failures
from edgetl.device.candidates import Formed
from edgetl.device.tasks import DeviceTask, Pair
from edgetl.device.tasks.likeness import CHANGED, likeness_on_device
from edgetl.device.tasks.statistics import flip_rate
from edgetl.device.verify import TOLERANCES, Verified, parity, verify
from edgetl.errors import BackendError, Unsupported
from edgetl.evaluation import Interval
from edgetl.golden import Golden
from edgetl.runner import Backend, LoadOptions, Runner
from edgetl.tensors import Batch

TRANSFER = "accuracy transfer"
_NO_TRUTH = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Exam:
    """What all candidates are examined with."""

    manifest: Manifest
    golden: Golden
    task: DeviceTask
    seed: int

    @property
    def is_labelled(self) -> bool:
        """Whether accuracy can be judged."""
        return self.task.labelled and bool(self.golden.labels)


@dataclass(frozen=True)
class Examined:
    """A candidate after its exam; one that can run has a runner, whatever its checks say."""

    formed: Formed
    runner: Runner | None
    checks: tuple[Check, ...]
    accuracy: Interval | None
    rejected_because: str | None

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.formed.candidate.name


def options_of(candidate: Candidate) -> LoadOptions:
    """How a candidate is loaded: one sample at a time."""
    return LoadOptions(threads=candidate.threads, precision=candidate.precision, batch=1)


def examine(formed: Formed, backend: Backend, model: Path, cache: Path, exam: Exam) -> Examined:
    """Build, load, compare with what the host recorded for the candidate's variant and runtime, and judge accuracy.

    A runtime that refuses the model, or computes outputs of other names or shapes, rejects the candidate only.

    Args:
        model: the variant's graph.
        cache: where compiled models are kept.
    """
    options = options_of(formed.candidate)
    runner: Runner | None = None
    try:
        runner = backend.load(backend.build(model, options, cache), options)
        reference = exam.golden.reference(formed.variant.name, formed.candidate.runtime)
        verified = verify(runner, exam.golden.inputs, reference, TOLERANCES[formed.candidate.precision])
        transfer, accuracy = _transfer(reference, verified, exam), _accuracy(verified.outputs, exam)
    except (BackendError, Unsupported) as error:
        if runner is not None:
            runner.close()
        return Examined(formed, None, (), None, f"{formed.candidate.runtime} cannot run it: {error}")
    checks = (*_host_checks(formed, exam), *verified.checks, *_size(formed, exam), *transfer)
    return Examined(formed, runner, checks, accuracy, failures(checks) or None)


def _host_checks(formed: Formed, exam: Exam) -> tuple[Check, ...]:
    """What the host found of this variant in this runtime: what lost accuracy there is as inaccurate here."""
    return tuple(
        check
        for evaluation in exam.manifest.evaluations
        if evaluation.variant == formed.variant.name
        for check in evaluation.checks_in(formed.candidate.runtime)
    )


def _size(formed: Formed, exam: Exam) -> tuple[Check, ...]:
    limit = exam.manifest.gates.size_mb_max
    if limit is None or any(check.name == "size" for check in _host_checks(formed, exam)):
        return ()
    size = formed.variant.artifact.size_bytes / 1e6
    reason = f"the file has {size:.2f} MB, at most {limit:g} MB is allowed"
    return (Check("size", size, limit, "MB", size <= limit, reason),)


def _transfer(reference: Batch, verified: Verified, exam: Exam) -> tuple[Check, ...]:
    """Whether decisions are as often right here as they were on the host, sample by sample."""
    if not exam.is_labelled:
        return _likeness(reference, verified, exam)
    flips = flip_rate(exam.task.decisions(reference), exam.task.decisions(verified.outputs)).value
    gates, n = exam.manifest.gates, exam.golden.n
    if flips == 0 and all(check.passed for check in parity(verified.outputs, reference, TOLERANCES["fp32"])):
        reason = f"outputs equal the host's within fp32 tolerance and none of {n} decisions differs"
        return (Check(TRANSFER, 0.0, gates.accuracy_drop_max, "fraction", True, reason, n),)
    return (exam.task.drop(TRANSFER, Pair(reference, verified.outputs, _truth(exam)), gates, least=1),)


def _likeness(reference: Batch, verified: Verified, exam: Exam) -> tuple[Check, ...]:
    """Without labels, whether what the host judged holds here, too; nothing where outputs equal the host's."""
    gates = exam.manifest.gates
    if exam.task.labelled or all(check.passed for check in parity(verified.outputs, reference, TOLERANCES["fp32"])):
        return ()
    if gates.output_error_max is None:
        judged = {check.name for one in exam.manifest.evaluations for check in one.checks}
        pairs = [Pair(reference, verified.outputs, _NO_TRUTH)] if CHANGED in judged else []
    else:
        in_float = (one.name for one in exam.manifest.variants if one.artifact.precision == "fp32")
        compared = next((exam.golden.references[name] for name in in_float), reference)
        pairs = [Pair(compared, verified.outputs, _NO_TRUTH)]
    return tuple(likeness_on_device(pair, exam.task, gates) for pair in pairs)


def _accuracy(outputs: Batch, exam: Exam) -> Interval | None:
    if not exam.is_labelled:
        return None
    return exam.task.metrics(outputs, _truth(exam), exam.manifest.classes, exam.seed).headline


def is_full_precision(formed: Formed) -> bool:
    """Whether a float graph is computed in fp32, so that outputs must agree element by element."""
    return formed.variant.artifact.precision == "fp32" and formed.candidate.precision == "fp32"


def _truth(exam: Exam) -> NDArray[np.int64]:
    return exam.task.truth(exam.golden.labels, len(exam.manifest.classes))
