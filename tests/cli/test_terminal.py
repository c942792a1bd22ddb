"""Progress, and tables on a terminal."""

from __future__ import annotations

import io
import itertools
from typing import Any

import pytest
from rich.console import Console

from edgetl.cli.output import Output
from edgetl.cli.tables import render
from edgetl.cli.terminal import BarProgress, LineProgress, WarningsOnly, progress_for
from edgetl.report import text
from edgetl.report.page import Column, Page, Table
from edgetl.result import Result


def ticks() -> Any:
    return itertools.count(step=3).__next__


def test_stage_ends_with_a_line_that_says_how_long_it_took() -> None:
    stream = io.StringIO()
    with LineProgress(stream, ticks()).stage("adapt", 2) as step:
        step.advance()
    assert stream.getvalue() == "adapt ... done in 3.0 s\n"


def test_stage_that_fails_does_not_say_done() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="no"), LineProgress(stream, ticks()).stage("adapt"):
        raise ValueError("no")
    assert stream.getvalue() == "adapt ... stopped after 3.0 s\n"


def test_bars_nest_and_keep_square_brackets() -> None:
    stream = io.StringIO()
    progress = BarProgress(Console(file=stream, force_terminal=True, width=100), ticks())
    with progress.stage("outer [/b] 1"), progress.stage("inner", 3) as step:
        step.advance(3)
        progress.note("a remark [with] brackets")
    shown = stream.getvalue()
    assert "outer [/b] 1 ... done" in shown
    assert "inner ... done" in shown
    assert "a remark [with] brackets" in shown


def test_bars_are_gone_after_a_failure() -> None:
    progress = BarProgress(Console(file=io.StringIO(), force_terminal=True))
    with pytest.raises(ValueError, match="no"), progress.stage("outer"):
        raise ValueError("no")
    with progress.stage("again"):
        pass


def test_quiet_hides_progress_and_a_pipe_gets_lines() -> None:
    assert isinstance(progress_for(Output(quiet=True)), WarningsOnly)
    assert isinstance(progress_for(Output()), LineProgress)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (WarningsOnly, "classes alike\n"),
        (LineProgress, "classes alike\ngraph pass reverted\naudit ... done in 3.0 s\n"),
    ],
)
def test_warnings_are_told_with_and_without_progress(kind: type, expected: str) -> None:
    stream = io.StringIO()
    progress = kind(stream) if kind is WarningsOnly else kind(stream, ticks())
    with progress.stage("audit", 2) as step:
        step.advance()
        progress.warn("classes alike")
        progress.note("graph pass reverted")
    assert stream.getvalue() == expected


def test_a_warning_stands_out_among_the_bars() -> None:
    stream = io.StringIO()
    progress = BarProgress(Console(file=stream, force_terminal=True, width=100, color_system="standard"), ticks())
    progress.warn("a warning [with] brackets")
    progress.note("a remark")
    warning, remark = stream.getvalue().splitlines()
    assert "a warning [with] brackets" in warning
    assert warning.partition("a warning")[0] != remark.partition("a remark")[0]


def test_report_fits_a_hundred_columns(subject: Any, result: Result) -> None:
    stream = io.StringIO()
    render(text.summary(subject, result), stream)
    assert max(map(len, stream.getvalue().splitlines())) <= 100


def test_long_path_does_not_crowd_out_the_label() -> None:
    stream = io.StringIO()
    columns = (Column("Input"), Column("Label"), Column("Score", "right"))
    render(Page("p", tables=(Table("", columns, (("/a" * 150, "defective", "99.1 %"),)),)), stream)
    assert "defective" in stream.getvalue()
    assert "99.1 %" in stream.getvalue()


def test_long_cells_are_folded_and_never_cut() -> None:
    stream = io.StringIO()
    reason = " ".join(f"word{i}" for i in range(60))
    render(Page("p", tables=(Table("t", (Column("a"), Column("b")), (("x", reason),)),)), stream)
    shown = stream.getvalue()
    assert all(f"word{i}" in shown for i in range(60))
