"""What training did is told beside its graph, by a later run that finds both in the cache as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.host.ladder import Ascent
from edgetl.host.ladder.attempts import made
from edgetl.host.ladder.rungs import FIRST
from edgetl.host.ladder.tuned import Allowance, tuned_graph
from edgetl.host.workspace import Workspace
from edgetl.progress import Silent

AscentOf = Callable[..., Ascent]


class Recorder(Silent):
    """Remembers remarks, of which each training leaves one."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def subject(ascent: AscentOf, recorder: Recorder) -> Iterator[tuple[Workspace, Allowance, Path, Path]]:
    """What is trained."""
    asked = ascent(spread=30.0)
    with made(asked, FIRST[1]) as variant:
        yield replace(asked.workspace, progress=recorder), Allowance(600.0, 600.0), asked.made.model, variant.model


def test_a_hit_tells_what_the_training_told(
    subject: tuple[Workspace, Allowance, Path, Path], recorder: Recorder
) -> None:
    graph, trained = tuned_graph(*subject)

    assert trained.steps == 300
    assert trained.images + trained.held_out == len(subject[0].splits.train)
    assert trained.loss_after <= trained.loss_before
    assert tuned_graph(*subject) == (graph, trained)
    assert len(recorder.notes) == 1, "it was trained again"


@pytest.mark.parametrize("damage", [None, b"", b'{"steps": "many"}'], ids=["lost", "empty", "wrong"])
def test_what_is_not_told_any_more_is_found_out_again(
    damage: bytes | None, subject: tuple[Workspace, Allowance, Path, Path], recorder: Recorder
) -> None:
    first = tuned_graph(*subject)
    told = first[0].with_suffix(".json")
    told.unlink() if damage is None else told.write_bytes(damage)

    assert tuned_graph(*subject) == first
    assert len(recorder.notes) == 2
