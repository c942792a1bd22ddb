"""Training behind frozen stages: what those give for an image is computed once and kept."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edgetl.host.training.model import TrainingModel
from edgetl.tensors import Array

_TOLERANCE = 1e-4


class _Reached(Exception):
    """The frozen stages are over; the rest of the network need not run."""


class _Skip(torch.nn.Module):
    """Stands for a frozen module before the last one."""

    def forward(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return x


class _Given(torch.nn.Module):
    """Stands for the last frozen stage, and gives what it gave before."""

    def __init__(self, value: torch.Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, *_: Any, **__: Any) -> torch.Tensor:
        return self.value


class Tail:
    """A training model from its last frozen stage on; it shares all parameters with the model.

    Raises:
        ValueError: there is no such stage, or the network cannot be entered behind it; the message says why.
    """

    def __init__(self, model: TrainingModel, stages: tuple[str, ...], chosen: tuple[str, ...], images: Array) -> None:
        """Find the last frozen stage, and prove on ``images`` that entering behind it changes nothing.

        Args:
            stages: names of the backbone's stages, from input to output.
            chosen: those whose pooled outputs the head sees.
            images: at least one, ``uint8 (n, h, w, 3)``.
        """
        self.model, self._backbone = model, model.trunk.backbone
        order = _finished(model, images[:1])
        self.stage, self._done = self._last_frozen(order, stages)
        passed = stages[: stages.index(self.stage) + 1]
        self._known = tuple(name for name in chosen if name in passed)
        rows = np.stack([self.record(image) for image in images])
        self._check(images, rows)

    def record(self, image: Array) -> NDArray[np.float32]:
        """What the frozen stages give for one image: the last one's output, then the pooled parts, in one row."""
        found: dict[str, torch.Tensor] = {}

        def keep(name: str) -> Any:
            def hook(_module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> None:
                found[name] = output
                if name == self.stage:
                    raise _Reached

            return hook

        with torch.inference_mode(), ExitStack() as hooks:
            for name in {*self._known, self.stage}:
                handle = self._backbone.get_submodule(name).register_forward_hook(keep(name))
                hooks.callback(handle.remove)
            with suppress(_Reached):
                self.model.trunk.parts(torch.from_numpy(image[None]))
            last = found[self.stage]
            if last.ndim != 4:
                raise ValueError(f"{self.stage!r} gives {last.ndim - 1} dimensions, not a map of channels")
            self._shape = tuple(last.permute(0, 2, 3, 1).shape[1:])
            parts = [part for name in self._known for part in self.model.trunk.pooled(found[name])]
            self._widths = [part.shape[1] for part in parts]
            flat = [last.permute(0, 2, 3, 1).reshape(-1), *(part.reshape(-1) for part in parts)]
            return np.asarray(torch.cat(flat).numpy(), np.float32)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Logits ``(n, classes)`` of records ``(n, width)``."""
        size = int(np.prod(self._shape))
        activation = rows[:, :size].reshape(-1, *self._shape).permute(0, 3, 1, 2)
        parts = list(torch.split(rows[:, size:], self._widths, dim=1)) if self._widths else []
        each = len(parts) // max(len(self._known), 1)
        known = tuple(parts[place * each : (place + 1) * each] for place in range(len(self._known)))
        trunk = self.model.trunk
        with self._entered(activation):
            features = trunk.joined(trunk.parts_of(activation.new_zeros((len(rows), 3, 1, 1)), known))
        return self.model.head(features)  # type: ignore[no-any-return]

    def _last_frozen(self, order: list[str], stages: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        frozen = self.model.frozen
        for stage in reversed([name for name in stages if name in order]):
            done = order[: order.index(stage) + 1]
            outer = tuple(name for name in done if not any(name.startswith(f"{other}.") for other in done))
            names = {
                f"{name}.{key}" for name in outer for key, _ in self._backbone.get_submodule(name).named_parameters()
            }
            if names and names <= frozen:
                return stage, outer
        raise ValueError("no whole stage is frozen")

    def _check(self, images: Array, rows: NDArray[np.float32]) -> None:
        """Refuse where the tail computes something else, or would not train all that is to be trained."""
        try:
            with torch.no_grad():
                expected = self.model(torch.from_numpy(images))
            logits = self(torch.from_numpy(rows))
        except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, AssertionError) as error:
            raise ValueError(f"the network cannot be entered behind {self.stage!r} ({type(error).__name__})") from error
        if logits.shape != expected.shape or not torch.allclose(logits, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ValueError(f"the network computes something else when it is entered behind {self.stage!r}")
        logits.sum().backward()  # type: ignore[no-untyped-call]
        trained = {name: p for name, p in self._backbone.named_parameters() if name not in self.model.frozen}
        lost = [name for name, parameter in trained.items() if parameter.grad is None]
        self.model.zero_grad(set_to_none=True)
        if lost:
            raise ValueError(f"{lost[0]} would not be trained behind {self.stage!r}")

    @contextmanager
    def _entered(self, activation: torch.Tensor) -> Iterator[None]:
        kept = []
        for name in self._done:
            parent_name, _, child = name.rpartition(".")
            parent = self._backbone.get_submodule(parent_name)
            kept.append((parent, child, parent._modules[child]))
            parent._modules[child] = _Given(activation) if name == self.stage else _Skip()
        try:
            yield
        finally:
            for parent, child, module in kept:
                parent._modules[child] = module


class Records:
    """Rows of :class:`Tail` by place, in a file that has no name and vanishes with the process."""

    def __init__(self, tail: Tail, folder: Path, count: int) -> None:
        """Room for ``count`` rows.

        Raises:
            OSError: the folder cannot be written to.
        """
        self.tail, self._filled = tail, np.zeros(count, bool)
        self._file: Any = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by close()

    def has(self, place: int) -> bool:
        """Whether the row is there."""
        return bool(self._filled[place])

    def row(self, place: int, image: Array | None) -> NDArray[np.float32]:
        """The row at ``place``; computed from ``image`` and kept when it is not there.

        One image at a time, so that a row is the same bits whichever batch first asks for it.

        Raises:
            OSError: the disk is full.
        """
        if image is not None and not self._filled[place]:
            row = self.tail.record(image)
            self._file.seek(place * row.nbytes)
            left = memoryview(row.tobytes())
            while left:
                left = left[self._file.write(left) :]
            self._width, self._filled[place] = row.nbytes, True
            return row
        return np.frombuffer(os.pread(self._file.fileno(), self._width, place * self._width), np.float32)

    def close(self) -> None:
        """Give the room back."""
        self._file.close()


def _finished(model: TrainingModel, image: Array) -> list[str]:
    """Names of the backbone's modules in the order in which they finish, each once."""
    order: dict[str, None] = {}
    with torch.inference_mode(), ExitStack() as hooks:
        for name, module in model.trunk.backbone.named_modules():
            if name:
                handle = module.register_forward_hook(lambda *_, name=name: order.setdefault(name))
                hooks.callback(handle.remove)
        model.trunk.parts(torch.from_numpy(image))
    return list(order)
