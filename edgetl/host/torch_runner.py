"""A torch module behind the same contract as every runtime, so that parity and accuracy are written once."""

from __future__ import annotations

import torch

from edgetl.errors import BackendError
from edgetl.tensors import Array, Batch, TensorSpec, check_feeds, contiguous


class TorchRunner:
    """Runs a module in evaluation mode without gradients.

    Args:
        module: takes one tensor per input, in order; returns a tensor, or a tuple of one per output.
        inputs: what ``infer`` takes.
        outputs: what ``infer`` returns.
        threads: set for the whole process, as torch has no other way.
    """

    def __init__(
        self, module: torch.nn.Module, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], threads: int
    ) -> None:
        self._module: torch.nn.Module | None = module.eval()
        self.inputs, self.outputs = inputs, outputs
        torch.set_num_threads(threads)

    def infer(self, feeds: Batch) -> dict[str, Array]:
        """Run once."""
        if self._module is None:
            raise BackendError("the torch runner is closed; load the model again")
        check_feeds(feeds, self.inputs)
        arrays = contiguous(feeds)
        try:
            with torch.inference_mode():
                # a copy of each input: a module may work in place, and torch warns about read-only arrays
                found = self._module(*(torch.tensor(arrays[spec.name]) for spec in self.inputs))
        except RuntimeError as error:
            raise BackendError(f"torch failed while running the model: {str(error).partition(chr(10))[0]}") from error
        tensors = (found,) if isinstance(found, torch.Tensor) else tuple(found)
        return {spec.name: tensor.numpy().copy() for spec, tensor in zip(self.outputs, tensors, strict=True)}

    def close(self) -> None:
        """Drop the module."""
        self._module = None
