"""The contract between EdgeTL and a runtime: numpy in, numpy out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, cast

import msgspec

from edgetl.layers import Layers
from edgetl.target import Precision
from edgetl.tensors import Array, Batch, TensorSpec


class LoadOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is to be loaded.

    ``batch`` fixes the first dimension (a fixed graph is faster); ``None`` keeps it dynamic.
    ``precision`` is what the runtime may compute float layers in: ``fp32`` forbids reduced floats, ``bf16`` and
    ``fp16`` ask for them, ``int8`` is a quantized graph whose float layers stay fp32. ``spares_memory`` asks a runtime
    to give memory back after every inference, at the cost of time, where it can. ``exact_sums`` asks for integer
    products whose sums do not saturate at 16 bits, at the cost of time, of a CPU whose fast ones do (x86 without VNNI).
    """

    threads: int
    precision: str = "fp32"
    batch: int | None = 1
    spares_memory: bool = False
    exact_sums: bool = False


def own_precision(rendering: str) -> Precision:
    """What the layers of a graph compute in where a runtime takes their types as they are."""
    if rendering in ("fp16", "bf16"):
        return cast(Precision, rendering)
    return "fp32" if rendering == "float" else "int8"


class Availability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a runtime can be used here; ``reason`` says what to do when not."""

    available: bool
    version: str | None = None
    reason: str = ""


class Runner(Protocol):
    """A loaded model. It does not time, log or convert layouts.

    ``infer`` refuses wrong names, dtypes and shapes (``Unsupported``), leaves its inputs as they were, and returns
    arrays that no later call changes. ``close`` may be called twice.
    """

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What ``infer`` takes."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What ``infer`` returns."""

    def infer(self, feeds: Batch) -> dict[str, Array]:
        """Run once."""

    def close(self) -> None:
        """Give back what the runtime holds."""


class Backend(Protocol):
    """A runtime. ``build`` is work worth caching (an engine, a compiled blob), ``load`` the rest."""

    name: str

    def probe(self) -> Availability:
        """Whether the runtime is installed and works, without side effects."""

    def import_runtime(self) -> None:
        """Import the runtime, so that whatever comes next need not; a second time costs nothing.

        Raises:
            MissingExtra: the runtime is not installed.
            BackendError: it does not import.
        """

    def precisions(self, rendering: str, isa: tuple[str, ...]) -> tuple[str, ...]:
        """Precision hints worth trying for a graph of this rendering on a CPU with these ISA flags.

        None where the runtime has no kernels for it.
        """

    def build(self, model: Path, options: LoadOptions, cache: Path | None) -> Path:
        """Compile ahead of time; returns the file ``load`` takes (the model itself where nothing is to compile).

        Raises:
            MissingExtra: the runtime is not installed.
            BackendError: the runtime refused the model.
        """

    def load(self, built: Path, options: LoadOptions) -> Runner:
        """Load what ``build`` returned.

        Raises:
            MissingExtra: the runtime is not installed.
            BackendError: the runtime refused the file.
        """

    def profile(self, built: Path, options: LoadOptions, feeds: Sequence[Batch], runs: int) -> Layers:
        """What every layer really ran in, and for how long: in a load of its own, because counting slows a model down.

        Args:
            built: what ``build`` returned.
            options: as for ``load``.
            feeds: inputs, at least one, taken in turn.
            runs: inferences that count, at least 1; one more comes before them, because the first prepares kernels.

        Returns:
            The layers in the order they ran in; none, with a reason, where the runtime does not tell.

        Raises:
            MissingExtra: the runtime is not installed.
            BackendError: the runtime refused the file, or failed while running it.
            Unsupported: the feeds are not what the model takes.
        """
