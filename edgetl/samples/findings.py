"""What a series of samples itself says against believing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgetl.measurement import percentile
from edgetl.samples.drift import drift
from edgetl.samples.modes import modes
from edgetl.samples.series import autocorrelation, effective_n, outliers
from edgetl.samples.support import samples_needed
from edgetl.validity import Finding

NOISY = 1.5
"""p90 over median, above which a machine is too noisy."""
_CORRELATED = 0.5
"""Effective share of the samples, below which it is worth a word."""
_ADVICE = "give a longer --effort, or believe a lower percentile"


def series_findings(
    samples: Sequence[int], blocks: Sequence[int], steady: bool, headline_percent: float, most_s: float | None = None
) -> tuple[Finding, ...]:
    """Everything that speaks against a series of latencies; nothing is dropped from it.

    Args:
        samples: in time order, in ns.
        blocks: length of each block; they add up to the number of samples.
        steady: whether warm-up ended because latency had settled.
        headline_percent: the percentile that was asked for.
        most_s: how long timing may go on until there are samples enough for it; unknown where absent.
    """
    if not samples:
        return tuple(_too_few(0, headline_percent, most_s))
    found = (
        *unsteady_findings(steady),
        *drift_findings(samples, blocks),
        *_modes(samples),
        *_correlated(samples, headline_percent),
        *_outliers(samples),
        *_too_few(len(samples), headline_percent, most_s),
    )
    return tuple(found)


def unsteady_findings(steady: bool) -> tuple[Finding, ...]:
    """W-UNSTEADY where warm-up ended before latency had settled."""
    if steady:
        return ()
    message = (
        "warm-up ran out of time before the medians of three windows lay within 5 %; stop other work and repeat, or "
        "choose a longer --effort"
    )
    return (Finding("W-UNSTEADY", message),)


def drift_findings(samples: Sequence[int], blocks: Sequence[int]) -> tuple[Finding, ...]:
    """W-DRIFT where the medians of the blocks changed while they ran.

    Args:
        samples: in time order, in ns.
        blocks: length of each block; they add up to the number of samples.
    """
    found = drift(samples, blocks)
    if found is None or not found.is_drifting:
        return ()
    message = (
        f"the median changed by {found.change * 100:+.1f} % from the first third of the run to the last (95 % "
        f"interval {found.low * 100:+.1f} to {found.high * 100:+.1f} %); let the machine reach its temperature, or "
        "measure longer"
    )
    return (Finding("W-DRIFT", message, {"change": found.change, "low": found.low, "high": found.high}),)


def _modes(samples: Sequence[int]) -> Iterator[Finding]:
    centres = modes(samples)
    if len(centres) > 1:
        places = ", ".join(f"{centre / 1e6:.4g} ms" for centre in centres)
        message = f"{len(centres)} modes, at {places}: no single number is typical; look at the distribution"
        evidence: dict[str, float | str] = {f"mode{place}_ns": centre for place, centre in enumerate(centres, 1)}
        yield Finding("W-MODES", message, evidence)


def _correlated(samples: Sequence[int], headline_percent: float) -> Iterator[Finding]:
    effective, lag1 = effective_n(samples), autocorrelation(samples)
    if lag1 is None or effective >= _CORRELATED * len(samples):
        return
    evidence: dict[str, float | str] = {"n": len(samples), "effective_n": effective, "autocorrelation1": lag1}
    count = f"{len(samples)} samples count for {effective:.0f} independent ones (lag-1 autocorrelation {lag1:.2f})"
    message = f"{count}; intervals of single percentiles are too narrow, those over blocks are not"
    yield Finding("W-CORRELATED", message, evidence)
    needed = samples_needed(headline_percent)
    if effective < needed <= len(samples):
        message = f"{count}, fewer than the {needed:,} that p{headline_percent:g} needs; {_ADVICE}"
        yield Finding("W-FEW-SAMPLES", message, {**evidence, "needed": needed})


def _outliers(samples: Sequence[int]) -> Iterator[Finding]:
    found = outliers(samples)
    if found.severe:
        message = (
            f"{found.severe} of {len(samples)} samples lie more than 3 interquartile ranges beyond the quartiles "
            f"({found.mild} more beyond 1.5), up to {max(samples) / 1e6:.4g} ms; all are kept"
        )
        yield Finding("W-OUTLIERS", message, {"mild": found.mild, "severe": found.severe, "max_ns": max(samples)})


def noisy_findings(work: Sequence[int]) -> tuple[Finding, ...]:
    """W-NOISY where p90 is far from the median.

    Args:
        work: in ns, of the work itself: waiting in a queue is far from its median on the quietest machine.
    """
    if not work:
        return ()
    median, p90 = (percentile(tuple(work), percent) for percent in (50.0, 90.0))
    if p90 <= NOISY * median:
        return ()
    message = (
        f"p90 is {_beyond(p90 / max(median, 1), NOISY)} times the median (at most {NOISY:g} on a quiet machine); "
        "stop other work and repeat"
    )
    return (Finding("W-NOISY", message, {"p50_ns": median, "p90_ns": p90}),)


def _beyond(value: float, limit: float) -> str:
    """With two decimals, or as many as show that it is above its limit."""
    return next(
        (shown for places in range(2, 9) if float(shown := f"{value:.{places}f}") > limit), f"just above {limit:g}"
    )


def _too_few(n: int, headline_percent: float, most_s: float | None) -> Iterator[Finding]:
    needed = samples_needed(headline_percent)
    if n < needed:
        within = "" if most_s is None else f" in at most {most_s:g} s"
        message = f"p{headline_percent:g} needs {needed} inferences{within}, got {n}; {_ADVICE}"
        yield Finding("W-FEW-SAMPLES", message, {"n": n, "needed": needed})
