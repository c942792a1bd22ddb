"""Results of different runs against each other: what a regression gate needs."""

from __future__ import annotations

from dataclasses import dataclass

from edgetl import __version__
from edgetl.comparison import COMPARISON_SCHEMA, ONE_RUN, ResultComparison, Side
from edgetl.device.bench.comparable import (
    OTHER_MACHINE,
    machine_differences,
    shared_batch,
    shared_scenario,
    shared_scope,
    software_differences,
    strictness_difference,
)
from edgetl.device.bench.matching import is_timed, matched
from edgetl.device.bench.pairs import Judging, judged_pairs
from edgetl.errors import InputError
from edgetl.pair import Condition
from edgetl.result import Result
from edgetl.samples.comparison import MARGIN

_OTHER_RUN = (
    "these are separate runs: the intervals cover what varies from block to block, not from one start to the next; "
    f"where that matters, {ONE_RUN}"
)


@dataclass(frozen=True)
class CompareSettings:
    """How to compare, and what to refuse."""

    margin: float = MARGIN
    """As a fraction, what is too small to matter."""
    fail_if: tuple[Condition, ...] = ()
    allow_other_machine: bool = False
    """Show the ratios to what other machines measured; every verdict is inconclusive then."""
    seed: int = 0


def compare_results(first: Result, second: Result, settings: CompareSettings) -> ResultComparison:
    """Judge the latencies of the second result by those of the first, offline the times per inference.

    Candidates are paired as by :func:`edgetl.device.bench.matching.matched`, and one of the first that was not timed in
    the second is lost: any condition of a gate refuses that. Verdicts are those of
    :func:`edgetl.device.bench.pairs.judged_pairs`; of another machine all are ``inconclusive``.

    Raises:
        InputError: the results differ in scope, batch, scenario or machine, are of offline runs of older versions, or
            no two candidates can be compared.
    """
    scenario, machine = shared_scenario(first, second), machine_differences(first, second)
    if scenario.kind == "offline" and not all(any(map(is_timed, one.candidates)) for one in (first, second)):
        raise InputError(
            "an offline run of an older version did not keep how long its blocks took, so there is nothing to judge a "
            "difference by; measure again, or time both models in one run: edgetl bench A B --scenario offline"
        )
    if machine and not settings.allow_other_machine:
        raise InputError(
            f"the results are of different machines or settings of them ({'; '.join(machine)}); time both on the same "
            "one, or give --allow-other-machine to see the ratios, with no verdict but inconclusive"
        )
    found = matched(first, second)
    pairs = found.pairs
    against = (OTHER_MACHINE,) if machine else ()
    judged = judged_pairs(pairs, Judging(False, settings.margin, settings.seed, against))
    missed = any(pair.meets(condition) for pair in judged for condition in settings.fail_if)
    return ResultComparison(
        schema=COMPARISON_SCHEMA,
        edgetl_version=__version__,
        first=_side(first, {old.name for old, _ in pairs}),
        second=_side(second, {new.name for _, new in pairs}),
        scope=shared_scope(pairs),
        scenario=scenario,
        margin=settings.margin,
        pairs=judged,
        fail_if=settings.fail_if,
        passed=not missed and not (settings.fail_if and found.lost),
        remarks=(*filter(None, (found.remark,)), *_remarks(first, second, machine)),
        batch=shared_batch(pairs),
        lost=found.lost,
    )


def _side(result: Result, paired: set[str]) -> Side:
    return Side(
        bundle=result.bundle,
        edgetl_version=result.edgetl_version,
        effort=result.effort,
        fingerprint=result.environment.fingerprint,
        started_utc=result.started_utc,
        alone=tuple(one.name for one in result.candidates if is_timed(one) and one.name not in paired),
        strict=result.strict,
    )


def _remarks(first: Result, second: Result, machine: tuple[str, ...]) -> tuple[str, ...]:
    software, strictness = software_differences(first, second), strictness_difference(first, second)
    remarks = [_OTHER_RUN]
    if machine:
        remarks.append(f"{OTHER_MACHINE} ({'; '.join(machine)}), so every verdict is inconclusive")
    if software:
        remarks.append(f"software differs: {'; '.join(software)}")
    if strictness is not None:
        remarks.append(strictness)
    return tuple(remarks)
