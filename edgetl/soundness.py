"""Whether a result agrees with itself: what was changed by hand, or by a bad disk, is not shown and not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from edgetl.measurement import percentile
from edgetl.validity import CODES, Validity, judged

if TYPE_CHECKING:
    from edgetl.result import CandidateResult, Heaps, Latency, Result

_LARGEST = (1 << 63) - 1
"""Arrays hold no more; in nanoseconds 292 years."""


def contradictions(result: Result) -> Iterator[str]:
    """What in a result cannot be, in words that a sentence goes on with; nothing where it is sound."""
    names = [one.name for one in result.candidates]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"candidate {name!r} is there {names.count(name)} times"
    if result.selected is not None and result.selected not in names:
        yield f"{result.selected!r} is selected, and there is no such candidate"
    if result.started_utc is not None and not _is_time(result.started_utc):
        yield f"it began at {result.started_utc!r}, which is no time of ISO 8601"
    for series in () if result.telemetry is None else result.telemetry.series:
        if len(series.times_ns) != len(series.values) or not _are_numbers(series.times_ns):
            yield f"the readings of {series.channel.name!r} have other times"
    for one in result.candidates:
        for reason in _of_candidate(one, result.strict):
            yield f"candidate {one.name!r} has {reason}"


def _of_candidate(one: CandidateResult, strict: tuple[str, ...] | None) -> Iterator[str]:
    if one.batch < 1:
        yield f"a batch of {one.batch}"
    if one.threads < 1:
        yield f"{one.threads} threads"
    amounts = [one.size_bytes, one.deadline_misses or 0, one.dropped or 0]
    if one.cold is not None:
        cold = one.cold
        amounts += [cold.import_ns or 0, cold.build_ns, cold.load_ns, cold.first_inference_ns, cold.peak_rss_bytes or 0]
    if not _are_numbers(amounts):
        yield "a size, a count or a cold start that cannot be"
    if one.validity is not None and not _follows(one.validity, strict):
        yield f"a verdict, {one.validity.verdict}, that does not follow from what was found"
    for kind, latency in (("latency", one.latency), ("end to end", one.end_to_end), ("service", one.service)):
        if latency is not None:
            yield from (f"{reason} ({kind})" for reason in _of_latency(latency))
    if one.heaps is not None:
        yield from _of_heaps(one.heaps)


def _of_heaps(heaps: Heaps) -> Iterator[str]:
    lengths = {len(heaps.starts_ns), len(heaps.walls_ns), len(heaps.inferences)}
    numbers = (*heaps.starts_ns, *heaps.walls_ns, *heaps.inferences)
    if len(lengths) > 1 or min((*heaps.walls_ns, *heaps.inferences), default=0) < 1 or not _are_numbers(numbers):
        yield "blocks of an offline run that contradict each other"


def _of_latency(latency: Latency) -> Iterator[str]:
    samples, blocks = latency.samples_ns, latency.blocks
    if not samples or latency.n != len(samples):
        yield f"{len(samples)} samples instead of {latency.n}"
        return
    lowest, highest = min(samples), max(samples)
    if lowest < 1 or highest > _LARGEST:
        yield f"a sample of {str(lowest if lowest < 1 else highest)[:40]} ns"
        return
    if min(blocks, default=0) < 1 or sum(blocks) != len(samples):
        yield f"blocks that do not add up to its {len(samples)} samples"
    for times in (latency.block_starts_ns, latency.block_ends_ns):
        if times and (len(times) != len(blocks) or not _are_numbers(times)):
            yield "times that do not belong to its blocks"
    if (latency.min_ns, latency.max_ns) != (lowest, highest):
        yield "a lowest or highest value that its samples do not have"
    yield from _of_percentiles(latency)


def _of_percentiles(latency: Latency) -> Iterator[str]:
    ordered = sorted(latency.samples_ns)
    named = {
        50.0: latency.p50_ns,
        90.0: latency.p90_ns,
        95.0: latency.p95_ns,
        99.0: latency.p99_ns,
        99.9: latency.p999_ns,
    }
    told = [*named.items(), *((one.percent, one.value_ns) for one in latency.percentiles)]
    for percent, value in told:
        if not 0 < percent < 100:
            yield f"a percentile of {percent:g} %"
        elif value is not None and value != percentile(ordered, percent):
            yield f"a p{percent:g} of {value} ns, and its samples one of {percentile(ordered, percent)} ns"
    for one in latency.percentiles:
        ends = [end for end in (one.low_ns, one.value_ns, one.high_ns) if end is not None]
        if ends != sorted(ends) or not one.value_ns <= one.bound_ns <= ordered[-1]:
            yield f"bounds of its p{one.percent:g} on the wrong side"


def _follows(validity: Validity, strict: tuple[str, ...] | None) -> bool:
    """Codes that this version does not know, and older files that do not say what was strict, leave it open."""
    if any(one.code not in CODES for one in validity.findings):
        return True
    if strict is None and validity.verdict == "invalid":
        return True
    return judged(validity.findings, frozenset(strict or ())).verdict == validity.verdict


def _are_numbers(values: Sequence[int]) -> bool:
    """Whether each is a count, or a time on a clock."""
    return not values or (min(values) >= 0 and max(values) <= _LARGEST)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
