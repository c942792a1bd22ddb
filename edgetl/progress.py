"""How long work reports how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Step(Protocol):
    """One stage under way."""

    def advance(self, count: int = 1) -> None:
        """``count`` more items are done."""


class Progress(Protocol):
    """Listens to stages and remarks."""

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        """A stage of ``total`` items (unknown when ``None``)."""

    def note(self, message: str) -> None:
        """A remark on how work goes, for people; never the only place where a failure is told."""

    def warn(self, message: str) -> None:
        """What a user should know of the data or of what was made, though nothing failed; ``-q`` does not hide it."""


class _Quiet:
    def advance(self, count: int = 1) -> None:
        """Nobody listens."""


class Silent:
    """Reports to nobody."""

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        """A stage that nobody sees."""
        yield _Quiet()

    def note(self, message: str) -> None:
        """A remark that nobody reads."""

    def warn(self, message: str) -> None:
        """To nobody, either; to who listens to remarks alone, one of them."""
        self.note(message)
