"""What makes training fast on the machine at hand."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from edgetl.host.adapt import AdaptContext
from edgetl.host.training.model import TrainingModel
from edgetl.host.training.options import Precision

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_MOST = 2**31 - 1
_TOP_PAD_BYTES = 2**28
_DETERMINISTIC: Any = torch.utils.deterministic  # whose one setting is a property that type checkers do not see


@dataclass(frozen=True)
class Machine:
    """Where training runs, and in which arithmetic."""

    device: torch.device
    mixed: bool
    """Whether matrix products and convolutions run in bf16."""

    def autocast(self) -> AbstractContextManager[object]:
        """Mixed precision where it is wanted; fp32 otherwise."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.mixed)


def machine(precision: Precision) -> Machine:
    """A GPU when torch sees one, else the CPU."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Machine(device, precision == "bf16" or (precision == "auto" and device.type == "cuda"))


def arithmetic(context: AdaptContext) -> list[object]:
    """What decides the last bits of trained weights: device, precision, and in how many threads sums are taken."""
    where = machine(getattr(context.options, "precision", "fp32"))
    return [where.device.type, where.mixed, context.workspace.threads]


@contextlib.contextmanager
def prepared(model: TrainingModel, where: Machine, threads: int) -> Iterator[None]:
    """Give training its threads, reproducible kernels, and the layout and memory that are fast.

    Maps lie channels last, as convolutions of both CPUs and GPUs want them.
    """
    with arranged(threads, is_reproducible=where.device.type == "cpu"):
        model.to(where.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        try:
            yield
        finally:
            model.to(torch.device("cpu"), memory_format=torch.contiguous_format)  # type: ignore[call-overload]


@contextlib.contextmanager
def arranged(threads: int, is_reproducible: bool) -> Iterator[None]:
    """Threads, kernels and memory for training, and afterwards what was before.

    Denormal numbers, in which the gradients of a young network drown, count as zero: arithmetic on them is many times
    slower. Memory that a step frees stays with the process, because the next step wants the same blocks again.
    """
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filling = _DETERMINISTIC.fill_uninitialized_memory
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(is_reproducible, warn_only=True)
    # with these kernels torch fills every new block with NaN first, a debugging aid that costs a quarter of the time
    _DETERMINISTIC.fill_uninitialized_memory = False
    torch.set_flush_denormal(True)
    _keep_freed_memory(True)
    try:
        yield
    finally:
        _keep_freed_memory(False)
        torch.set_flush_denormal(False)
        torch.use_deterministic_algorithms(strict)
        _DETERMINISTIC.fill_uninitialized_memory = filling
        torch.set_num_threads(before)


def _keep_freed_memory(keep: bool) -> None:
    """Tell glibc whether large blocks go back to the kernel when freed; other C libraries decide for themselves."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_MAX, 0 if keep else 65536)
        libc.mallopt(_M_TRIM_THRESHOLD, _MOST if keep else 131072)
        libc.mallopt(_M_TOP_PAD, _TOP_PAD_BYTES if keep else 131072)
        if not keep:
            libc.malloc_trim(0)
