"""Words of a Jetson's files and programs: any text gives a value or nothing, never an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.probe.jetson import jetpack, parse_query, parse_release

FEW = settings(max_examples=50, deadline=None)


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("R32.7.1", "4.x"),
        ("R35.4.1", "5.x"),
        ("R36.4.3", "6.x"),
        ("R38.4.0", "7.0/7.1"),
        ("R39.2", "7.2"),
        ("R99.1", None),
    ],
)
def test_jetpack_follows_from_the_release(release: str, expected: str | None) -> None:
    line = f"# {release.partition('.')[0]} (release), REVISION: {release.partition('.')[2]}, GCID: 4, BOARD: generic\n"
    assert parse_release(line) == release
    assert jetpack(release) == expected


@FEW
@given(st.text(alphabet="# R36(release),REVISION:4.\n", max_size=40))
def test_any_text_is_a_release_or_none(text: str) -> None:
    release = parse_release(text)
    assert release is None or release.startswith("R")


@FEW
@given(
    name=st.from_regex(r"[A-Z][A-Z0-9_]{0,12}", fullmatch=True),
    mode=st.integers(0, 99),
    before=st.sampled_from(["", "NVPM WARN: fan\n"]),
)
def test_the_power_mode_is_read_from_the_query(name: str, mode: int, before: str) -> None:
    assert parse_query(f"{before}NV Power Mode: {name}\n{mode}\n") == f"{name} ({mode})"


@pytest.mark.parametrize("text", ["", "NV Power Mode:\n", "NV Power Mode: MAXN\n", "NV Power Mode: MAXN\nfive\n"])
def test_half_an_answer_is_no_power_mode(text: str) -> None:
    assert parse_query(text) is None
