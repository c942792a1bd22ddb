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
        """A remark for people; never the only place where a failure is told."""


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
