from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgetl.device.sealed import is_intact, seal, sealed_content


@pytest.mark.parametrize("content", [b"", b"blob", bytes(3 << 20)], ids=["empty", "short", "several blocks"])
def test_what_was_sealed_is_intact_and_comes_back(content: bytes, tmp_path: Path) -> None:
    seal(tmp_path / "a", memoryview(content))
    assert is_intact(tmp_path / "a")
    assert sealed_content(tmp_path / "a") == content


@settings(max_examples=40, deadline=None)
@given(content=st.binary(min_size=1, max_size=60), data=st.data())
def test_any_byte_that_changed_shows(content: bytes, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        seal(path := Path(folder, "a"), memoryview(content))
        changed = bytearray(path.read_bytes())
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(changed)
        assert not is_intact(path)


@settings(max_examples=40, deadline=None)
@given(content=st.binary(min_size=1, max_size=60), data=st.data())
def test_a_file_that_was_cut_off_shows(content: bytes, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        seal(path := Path(folder, "a"), memoryview(content))
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        assert not is_intact(path)


def test_what_is_not_there_or_no_file_is_not_intact(tmp_path: Path) -> None:
    assert not is_intact(tmp_path / "missing")
    assert not is_intact(tmp_path)
