"""The zip structure has one spelling; every other is refused, though other programs would read it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetl.bundle import Bundle
from edgetl.errors import BundleError


@dataclass
class Entry:
    """One zip entry with every header field free to choose."""

    name: bytes
    content: bytes
    flags: int = 0
    method: int = 0
    time: int = 0
    date: int = 33
    made_by: int = 0x0314
    needed: int = 20
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    attributes: int = 0o100644 << 16
    gap: bytes = b""
    descriptor: bytes = b""


def spelled(entries: list[Entry], comment: bytes = b"", gap: bytes = b"", disk: int = 0) -> bytes:
    body = directory = b""
    for e in entries:
        body += e.gap
        offset = len(body)
        crc, size = zlib.crc32(e.content), len(e.content)
        common = (e.flags, e.method, e.time, e.date, crc, size, size, len(e.name))
        body += struct.pack("<4s5H3L2H", b"PK\3\4", e.needed, *common, len(e.local_extra)) + e.name + e.local_extra
        body += e.content + e.descriptor
        tail = (len(e.central_extra), len(e.comment), 0, 0, e.attributes, offset)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", e.made_by, e.needed, *common, *tail)
        directory += e.name + e.central_extra + e.comment
    body += gap
    n = len(entries)
    end = struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, n, n, len(directory), len(body), len(comment))
    return body + directory + end + comment


@pytest.fixture
def entries(files: dict[str, bytes]) -> list[Entry]:
    return [Entry(name.encode(), content) for name, content in sorted(files.items())]


@pytest.fixture
def refused(tmp_path: Path) -> Callable[[bytes], None]:
    def check(content: bytes) -> None:
        path = tmp_path / "odd.edgetl"
        path.write_bytes(content)
        with pytest.raises(BundleError):
            Bundle.open(path)

    return check


def test_this_spelling_is_the_accepted_one(entries: list[Entry], packed: Path) -> None:
    assert spelled(entries) == packed.read_bytes()


@pytest.mark.parametrize(
    "field",
    [
        pytest.param({"flags": 0x0001}, id="encrypted"),
        pytest.param({"flags": 0x0008}, id="data-descriptor-flag"),
        pytest.param({"flags": 0x0800}, id="utf-8-flag"),
        pytest.param({"method": 8}, id="deflated"),
        pytest.param({"time": 1}, id="time"),
        pytest.param({"date": 34}, id="date"),
        pytest.param({"made_by": 20}, id="made-by"),
        pytest.param({"needed": 45}, id="zip64-version"),
        pytest.param({"local_extra": b"\x01\x00\x00\x00"}, id="local-extra"),
        pytest.param({"central_extra": b"\x01\x00\x00\x00"}, id="central-extra"),
        pytest.param({"local_extra": b"\1\0\4\0abcd", "central_extra": b"\1\0\4\0abcd"}, id="both-extra"),
        pytest.param({"comment": b"hi"}, id="entry-comment"),
        pytest.param({"attributes": 0o120777 << 16}, id="symbolic-link"),
        pytest.param({"attributes": 0o100755 << 16}, id="executable"),
        pytest.param({"gap": b"\0"}, id="gap-before"),
        pytest.param({"descriptor": bytes(12)}, id="descriptor-after"),
        pytest.param({"name": b"../card.md"}, id="parent"),
        pytest.param({"name": b"/card.md"}, id="absolute"),
        pytest.param({"name": b"a//card.md"}, id="empty-segment"),
        pytest.param({"name": b"a\\card.md"}, id="backslash"),
        pytest.param({"name": b"card.md\0"}, id="null"),
        pytest.param({"name": b"c\xc3\xa9.md"}, id="not-ascii"),
        pytest.param({"name": b"C:card.md"}, id="drive"),
        pytest.param({"name": b"card.md."}, id="trailing-dot"),
        pytest.param({"name": b""}, id="nameless"),
        pytest.param({"name": b"c" * 5000}, id="long-name"),
        pytest.param({"name": b"CARD.md"}, id="other-case"),
    ],
)
def test_other_spellings_of_an_entry_are_refused(
    entries: list[Entry], refused: Callable[[bytes], None], field: dict[str, bytes | int]
) -> None:
    for name, value in field.items():
        setattr(entries[0], name, value)
    refused(spelled(entries))


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(lambda e: spelled(e, comment=b"hi"), id="comment"),
        pytest.param(lambda e: spelled(e, gap=b"\0"), id="gap-before-directory"),
        pytest.param(lambda e: spelled(e, disk=1), id="other-disk"),
        pytest.param(lambda e: spelled(e[::-1]), id="unsorted"),
        pytest.param(lambda e: spelled([e[0], *e]), id="entry-twice"),
        pytest.param(lambda e: spelled(e[1:]), id="file-missing"),
        pytest.param(lambda e: spelled([*e, Entry(b"zz", b"")]), id="file-more"),
        pytest.param(lambda e: spelled([e for e in e if e.name != b"manifest.json"]), id="no-manifest"),
        pytest.param(lambda e: spelled([]), id="no-files"),
        pytest.param(lambda e: b"PK\3\4" + spelled(e), id="prefix"),
        pytest.param(lambda e: spelled(e) + spelled(e), id="twice"),
        pytest.param(lambda e: spelled(e) + b"\0", id="suffix"),
    ],
)
def test_other_spellings_of_the_whole_are_refused(
    entries: list[Entry], refused: Callable[[bytes], None], whole: Callable[[list[Entry]], bytes]
) -> None:
    refused(whole(entries))


@pytest.mark.parametrize("method", [0, ZIP_DEFLATED])
def test_an_archive_of_another_program_is_refused(
    files: dict[str, bytes], tmp_path: Path, refused: Callable[[bytes], None], method: int
) -> None:
    with ZipFile(tmp_path / "z.zip", "w", method) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)
    refused((tmp_path / "z.zip").read_bytes())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_header_field_is_refused_when_it_is_another(packed: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(packed.read_bytes())
    headers = [i for i in range(len(whole) - 4) if whole[i : i + 2] == b"PK" and whole[i + 2] in (1, 3, 5)]
    begin = data.draw(st.sampled_from(headers)) + data.draw(st.integers(0, 45))
    value = data.draw(st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff", b"\1\0", b"\0\0\0\x80"]))
    changed = whole[:begin] + value + whole[begin + len(value) :]
    if changed == whole:
        return
    path = tmp_path / "odd.edgetl"
    path.write_bytes(changed)
    with pytest.raises(BundleError):
        Bundle.open(path)
