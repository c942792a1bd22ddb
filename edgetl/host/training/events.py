"""Training curves as TensorBoard events, for those who watch them live."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from edgetl.errors import MissingExtra
from edgetl.progress import Progress


class Events(Protocol):
    """Listens to scalars."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """A value at a training step."""

    def close(self) -> None:
        """Nothing more follows."""


class NoEvents:
    """Nobody watches."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class TensorBoard:
    """Event files in a folder, as ``tensorboard --logdir`` reads them."""

    def __init__(self, folder: Path, step: int) -> None:
        """Begin, or go on after ``step``: what an interrupted run wrote later is dropped.

        Raises:
            MissingExtra: tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("tensorboard", "host") from error
        self._writer: Any = SummaryWriter(str(folder), purge_step=step or None)

    def scalar(self, name: str, value: float, step: int) -> None:
        """A value at a training step."""
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


def events_in(folder: Path | None, step: int) -> Events:
    """A writer for the folder, or nobody."""
    return NoEvents() if folder is None else TensorBoard(folder, step)


def note_reuse(folder: Path | None, progress: Progress) -> None:
    """Say that events which were asked for are missing, because an earlier run's model is used again."""
    if folder is not None:
        progress.warn(
            f"nothing was trained, because an earlier run's model is used again: no events were written to "
            f"{str(folder)!r}; edgetl prepare or deploy with --fresh trains again"
        )
