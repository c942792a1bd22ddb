"""What every runner does around its runtime: check what goes in, name what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from edgetl.errors import BackendError
from edgetl.tensors import Array, Batch, FeedCheck, TensorSpec

Call: TypeAlias = Callable[[dict[str, Array]], Sequence[Array]]
"""One inference: contiguous inputs by name, in the order of the model, to outputs in theirs."""


class CheckedRunner:
    """A runner around one call of a runtime. It is within every sample, so it is timed by itself, too."""

    def __init__(
        self,
        runtime: str,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        call: Call,
        own_ns: Callable[[], int] | None = None,
    ) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.own_ns = own_ns
        """What the runtime itself says that its last inference took; ``None`` where it does not say."""
        self._runtime = runtime
        self._call: Call | None = call
        self._check = FeedCheck(inputs)
        self._names = tuple(spec.name for spec in outputs)
        self._only = self._names[0] if len(self._names) == 1 else None

    def infer(self, feeds: Batch) -> dict[str, Array]:
        """Run once.

        Raises:
            Unsupported: the feeds are not what the model takes.
            BackendError: the runner is closed, or the runtime failed.
        """
        if self._call is None:
            raise BackendError(f"the {self._runtime} runner is closed; load the model again")
        outputs = self._call(self._check(feeds))
        if self._only is not None and len(outputs) == 1:
            # a dictionary from pairs takes half a microsecond longer
            return {self._only: outputs[0]}
        return dict(zip(self._names, outputs, strict=True))

    def close(self) -> None:
        """Drop the call and with it what it holds of the runtime."""
        self._call = self.own_ns = None


def idle_runner(inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> CheckedRunner:
    """A runner of the same inputs and outputs whose runtime does nothing: what it takes is the wrapper's own time."""
    nothing: Sequence[Array] = (np.empty(0),) * len(outputs)
    return CheckedRunner("idle", inputs, outputs, lambda _: nothing)
