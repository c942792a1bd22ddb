"""When inferences are due."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from edgetl.device.bench.timing.subject import SECOND
from edgetl.errors import InputError
from edgetl.scenario import Scenario, ScenarioKind

_DRAWN = 1024
"""Gaps that are drawn at a time."""


def schedule(scenario: Scenario) -> Iterator[int]:
    """Moments at which inferences are due, in nanoseconds after the beginning, ascending and without end.

    Raises:
        InputError: the scenario has no rate.
    """
    rate_hz = rate_of(scenario)
    return _SCHEDULES[scenario.kind](rate_hz, scenario.seed)


def rate_of(scenario: Scenario) -> float:
    """Inferences due in a second.

    Raises:
        InputError: the scenario has no rate.
    """
    if scenario.rate_hz is None:
        raise InputError(f"scenario {scenario.kind!r} has no rate; choose one of {', '.join(_SCHEDULES)}")
    return scenario.rate_hz


def check_rate(scenario: Scenario, at_most_s: float) -> None:
    """Refuse a rate at which nothing falls due in the time that a run takes.

    Raises:
        InputError: the mean time between two inferences is longer than ``at_most_s``.
    """
    if scenario.rate_hz is not None and 1 / scenario.rate_hz > at_most_s:
        raise InputError(
            f"at a rate of {scenario.rate_hz:g} a second one inference is due every {1 / scenario.rate_hz:.3g} s, and "
            f"this effort times for at most {at_most_s:g} s; raise --rate or --effort"
        )


def _periodic(rate_hz: float, seed: int) -> Iterator[int]:
    """Multiples of the period; each is rounded by itself, so that no error adds up."""
    return (round(count * SECOND / rate_hz) for count in itertools.count(1))


def _poisson(rate_hz: float, seed: int) -> Iterator[int]:
    """Sums of independent exponential gaps with mean ``1 / rate_hz``.

    References:
        Reddi et al., MLPerf Inference Benchmark, ISCA 2020, section III (server scenario).
    """
    random, at_ns = np.random.default_rng(seed), 0.0
    while True:
        moments = at_ns + np.cumsum(random.exponential(SECOND / rate_hz, _DRAWN))
        yield from (round(moment) for moment in moments.tolist())
        at_ns = float(moments[-1])


_SCHEDULES: Mapping[ScenarioKind, Callable[[float, int], Iterator[int]]] = {
    "periodic": _periodic,
    "server": _poisson,
}
