"""How many samples a percentile needs, and how far it can be trusted; nothing is assumed of their distribution.

All of it holds for independent samples; :func:`edgetl.samples.series.effective_n` says how many there are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgetl.errors import InputError

_HOPELESS = 100_000
"""Samples that are more than anyone takes."""


def samples_needed(percent: float, allowed: int = 1, confidence: float = 0.99) -> int:
    """Samples before a percentile has an upper confidence bound with ``allowed`` samples at or above it.

    Args:
        percent: above 0 and below 100.
        allowed: samples that may lie beyond the percentile; with 0 the bound is the largest sample.
        confidence: above 0 and below 1.

    Returns:
        The smallest n with ``P[Binomial(n, 1 - p) <= allowed] <= 1 - confidence``.

    Raises:
        InputError: an argument is out of range.

    References:
        MLPerf LoadGen, early stopping (``early_stopping.cc``, d = 0), 2021.
    """
    beyond = _share_beyond(percent, confidence)
    if allowed < 0:
        raise InputError(f"{allowed} samples cannot lie beyond a percentile; allow 0 or more")

    def suffices(n: int) -> bool:
        return bool(_cumulative(n, beyond, min(allowed, n))[-1] <= 1 - confidence)

    low, high = allowed, max(2 * allowed, 1)
    while not suffices(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


def samples_to_pass(n: int, beyond: int, percent: float, confidence: float = 0.99) -> int | None:
    """About how many samples put :func:`upper_bound` within a limit that ``beyond`` of ``n`` samples exceeded.

    Returns:
        The smallest n that suffices when the same share goes on exceeding it; ``None`` when that share is so close to
        what the percentile allows, or above it, that a hundred thousand would not do.

    Raises:
        InputError: an argument is out of range.
    """
    share = _share_beyond(percent, confidence)

    def needed(count: int) -> int:
        return samples_needed(percent, count + 1, confidence)

    def suffices(count: int) -> bool:
        return count * n >= beyond * needed(count)

    if beyond == 0:
        return needed(0)
    low, high = 0, 1
    while not suffices(high):
        low, high = high, 2 * high
        if high > share * _HOPELESS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return needed(high) if needed(high) <= _HOPELESS else None


def upper_bound(sorted_samples: Sequence[int], percent: float, confidence: float = 0.99) -> int | None:
    """Upper confidence bound on a percentile, slightly pessimistic: LoadGen's early-stopping estimate.

    With ``t`` the most samples beyond the percentile that n permits, it is the ``t``-th largest sample.

    Returns:
        ``None`` where there are fewer samples than :func:`samples_needed`.

    Raises:
        InputError: an argument is out of range.

    References:
        MLPerf LoadGen, early stopping (``early_stopping.cc``, d = 0), 2021.
    """
    n, beyond = len(sorted_samples), _share_beyond(percent, confidence)
    allowed = int(np.searchsorted(_cumulative(n, beyond, n), 1 - confidence, side="right")) - 1
    return sorted_samples[n - allowed] if allowed >= 1 else None


def interval(sorted_samples: Sequence[int], percent: float, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Two-sided confidence interval of a percentile between two samples, each end missed at most half as often.

    Returns:
        The samples at the ranks of :func:`interval_ranks`; ``None`` where there is no finite bound.

    Raises:
        InputError: an argument is out of range.
    """
    low, high = interval_ranks(len(sorted_samples), percent, confidence)
    return None if low is None else sorted_samples[low - 1], None if high is None else sorted_samples[high - 1]


def interval_ranks(n: int, percent: float, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Ranks, from 1, of the samples between which a percentile lies: 40 and 61 for the median of 100.

    Raises:
        InputError: an argument is out of range.

    References:
        David and Nagaraja, Order Statistics, third edition, 2003, section 7.1 (distribution-free intervals).
    """
    share = 1 - _share_beyond(percent, confidence)
    at_most = _cumulative(n, share, n)
    below = int(np.searchsorted(at_most, (1 - confidence) / 2, side="right"))
    above = n - int(np.searchsorted(_cumulative(n, 1 - share, n), (1 - confidence) / 2, side="right")) + 1
    return (below if below >= 1 else None), (above if above <= n else None)


def _share_beyond(percent: float, confidence: float) -> float:
    if not 0 < percent < 100:
        raise InputError(f"{percent:g} is not a percentile; give a number above 0 and below 100")
    if not 0 < confidence < 1:
        raise InputError(f"a confidence of {confidence:g} cannot be had; give a fraction above 0 and below 1")
    # 100 - 99.9 has an error in its 14th digit; what is meant has at most ten
    return round((100 - percent) / 100, 12)


def _cumulative(n: int, share: float, up_to: int) -> NDArray[np.float64]:
    """``P[Binomial(n, share) <= k]`` for k from 0 to ``up_to``, through logarithms, so that none underflows."""
    k = np.arange(up_to)
    logs: NDArray[np.float64] = np.zeros(up_to + 1)
    # in place: there are tens of thousands, and what a run needs at its end is counted
    logs[1:] = np.log(n - k)
    logs[1:] -= np.log(k + 1)
    logs[1:] += np.log(share) - np.log1p(-share)
    np.cumsum(logs, out=logs)
    logs += n * np.log1p(-share)
    np.exp(logs, out=logs)
    return np.cumsum(logs, out=logs)
