"""Synthetic latencies of a shared machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgetl.samples.resampling import Blocked

SAMPLES_PER_BLOCK = 20


@dataclass(frozen=True)
class Noise:
    """How a shared machine blurs latency; standard deviations are of the logarithm, so 0.01 is about 1 %.

    The machine's mood wanders from block to block and meets the subjects that run then; each block has its own besides,
    as has each sample, which resembles the one before; a few samples stall.
    """

    machine: float = 0.03
    machine_memory: float = 0.9
    """Autocorrelation of the machine's mood from one block to the next."""
    block: float = 0.01
    sample: float = 0.03
    sample_memory: float = 0.5
    stalls: float = 0.01
    """Share of samples that take three times as long."""


@dataclass(frozen=True)
class Synthetic:
    """Samples in blocks of equal length."""

    samples_ns: tuple[int, ...]
    blocks: tuple[int, ...]


def interleaved(
    factor: float,
    blocks: int,
    random: np.random.Generator,
    noise: Noise | None = None,
    length: int = SAMPLES_PER_BLOCK,
) -> tuple[Blocked, Blocked]:
    """Two subjects of 1 ms in turn (AB BA), the first ``factor`` times as slow; ``length`` samples in each block."""
    blur = noise or Noise()
    machine = blur.machine * _wandering(random, (1, 2 * blocks), blur.machine_memory)[0]
    turns = np.arange(2 * blocks).reshape(blocks, 2)
    turns[1::2] = turns[1::2, ::-1]
    first, second = (_series(machine[turns[:, place]], random, blur, length) for place in (0, 1))
    return _synthetic(factor * first), _synthetic(second)


def one_run(factor: float, blocks: int, random: np.random.Generator, noise: Noise) -> Blocked:
    """One subject of 1 ms, ``factor`` times as slow, alone."""
    machine = noise.machine * _wandering(random, (1, blocks), noise.machine_memory)[0]
    return _synthetic(factor * _series(machine, random, noise, SAMPLES_PER_BLOCK))


def _series(
    machine: NDArray[np.float64], random: np.random.Generator, noise: Noise, length: int
) -> NDArray[np.float64]:
    """Latencies in ns, of shape ``(blocks, length)``, in blocks that met these moods of the machine."""
    blocks = len(machine)
    mood = machine + random.normal(0, noise.block, blocks)
    samples = noise.sample * _wandering(random, (blocks, length), noise.sample_memory)
    stalled = np.where(random.random(samples.shape) < noise.stalls, 3.0, 1.0)
    latencies: NDArray[np.float64] = 1e6 * np.exp(mood[:, None] + samples) * stalled
    return latencies


def _wandering(random: np.random.Generator, shape: tuple[int, int], memory: float) -> NDArray[np.float64]:
    """First-order autoregression of variance 1 along the rows."""
    values = random.normal(0, 1, shape)
    values[:, 1:] *= np.sqrt(1 - memory**2)
    for place in range(1, shape[1]):
        values[:, place] += memory * values[:, place - 1]
    return values


def _synthetic(latencies: NDArray[np.float64]) -> Synthetic:
    blocks, length = latencies.shape
    return Synthetic(tuple(int(one) for one in latencies.ravel()), (length,) * blocks)
