"""A zip file with one possible spelling: stored, fixed times, sorted, no extras, no gaps.

Headers are never interpreted beyond the few numbers that may differ: each is rebuilt from those and compared byte for
byte, so that a file which is accepted equals its own re-serialisation.

References:
    PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (end record).
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from edgetl.errors import BundleError

Source: TypeAlias = "Path | bytes"

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION_NEEDED = 20
_MADE_BY = (3 << 8) | 20
_DATE = (1 << 5) | 1
_ATTRIBUTES = 0o100644 << 16

_BLOCK = 1 << 20
_DIRECTORY_MAX = 16 << 20
_MEMBERS_MAX = 0xFFFE
SIZE_MAX = 0xFFFFFFFE
"""Largest archive in bytes; above it zip needs other records."""

SEGMENT = r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?"
"""A file or folder name that means the same on every system and never leaves its folder."""
_NAME = re.compile(rf"{SEGMENT}(?:/{SEGMENT}){{0,7}}".encode())


@dataclass(frozen=True)
class Digest:
    """What is known of one file after reading it once."""

    sha256: str
    crc32: int
    size_bytes: int


@dataclass(frozen=True)
class Member:
    """One file and where its header begins."""

    name: str
    digest: Digest
    offset: int

    @property
    def data_offset(self) -> int:
        """Where the content begins."""
        return self.offset + _LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.data_offset + self.digest.size_bytes

    def local_header(self) -> bytes:
        """The only header this file can have."""
        crc, size, name = self.digest.crc32, self.digest.size_bytes, self.name.encode("ascii")
        return _LOCAL.pack(b"PK\3\4", _VERSION_NEEDED, 0, 0, 0, _DATE, crc, size, size, len(name), 0) + name

    def central_header(self) -> bytes:
        """The only entry this file can have in the directory."""
        crc, size, name = self.digest.crc32, self.digest.size_bytes, self.name.encode("ascii")
        fixed = (b"PK\1\2", _MADE_BY, _VERSION_NEEDED, 0, 0, 0, _DATE, crc, size, size, len(name), 0, 0, 0, 0)
        return _CENTRAL.pack(*fixed, _ATTRIBUTES, self.offset) + name


@dataclass(frozen=True)
class Archive:
    """An archive that has been read from end to end and is sound."""

    sha256: str
    """Of the whole file."""
    members: Mapping[str, Member]


def measure(source: Source) -> Digest:
    """Hash, CRC and size of a file or of bytes."""
    sha, crc, size = hashlib.sha256(), 0, 0
    for block in _blocks(source):
        sha.update(block)
        crc, size = zlib.crc32(block, crc), size + len(block)
    return Digest(sha.hexdigest(), crc, size)


def begins_with(file: BinaryIO, name: str) -> bool:
    """Whether a file begins as an archive does whose first member is ``name``."""
    beginning = file.read(_LOCAL.size + len(name))
    return beginning[:4] == b"PK\3\4" and beginning[_LOCAL.size :] == name.encode("ascii")


def layout(digests: Mapping[str, Digest]) -> tuple[Member, ...]:
    """Where each file goes.

    Raises:
        BundleError: a name is not safe, or the archive would be too large.
    """
    members: list[Member] = []
    offset = directory = 0
    for name in sorted(digests):
        if not _NAME.fullmatch(name.encode("utf-8", "surrogateescape")):
            raise BundleError(f"{name!r} cannot be a file name in a bundle; use letters, digits, '.', '_' and '-'")
        members.append(Member(name, digests[name], offset))
        offset, directory = members[-1].end, directory + _CENTRAL.size + len(name)
    if offset + directory + _END.size > SIZE_MAX or directory > _DIRECTORY_MAX or len(members) > _MEMBERS_MAX:
        raise BundleError(
            f"the contents come to {offset / 1e9:.2f} GB in {len(members)} files; a bundle holds less than 4.29 GB and "
            f"{_MEMBERS_MAX + 1} files; pack fewer variants or fewer golden samples"
        )
    return tuple(members)


def write_archive(file: BinaryIO, members: tuple[Member, ...], sources: Mapping[str, Source]) -> str:
    """Write what :func:`layout` planned; returns the SHA-256 of the whole.

    Raises:
        BundleError: a source changed since it was measured.
    """
    sha = hashlib.sha256()
    for member in members:
        _put(file, sha, member.local_header())
        crc = size = 0
        for block in _blocks(sources[member.name]):
            _put(file, sha, block)
            crc, size = zlib.crc32(block, crc), size + len(block)
        if (crc, size) != (member.digest.crc32, member.digest.size_bytes):
            raise BundleError(f"the source of {member.name!r} changed while it was being packed; pack again")
    directory = b"".join(member.central_header() for member in members)
    _put(file, sha, directory)
    _put(file, sha, _end_record(len(members), len(directory), members[-1].end if members else 0))
    return sha.hexdigest()


def scan(file: BinaryIO) -> Archive:
    """Read an archive once, from end to end, in constant memory, and check every byte.

    Raises:
        BundleError: it is not the canonical spelling of its contents, or a CRC is wrong.
    """
    planned, tail = _read_directory(file, file.seek(0, 2))
    file.seek(0)
    whole, members = hashlib.sha256(), {}
    for member in planned:
        header = member.local_header()
        if _read_exactly(file, len(header)) != header:
            raise BundleError(f"the header of {member.name!r} is not as EdgeTL writes it")
        whole.update(header)
        sha, crc = hashlib.sha256(), 0
        for block in read_blocks(file, member.digest.size_bytes):
            whole.update(block)
            sha.update(block)
            crc = zlib.crc32(block, crc)
        if crc != member.digest.crc32:
            raise BundleError(f"the content of {member.name!r} does not have its CRC-32")
        members[member.name] = Member(
            member.name, Digest(sha.hexdigest(), crc, member.digest.size_bytes), member.offset
        )
    whole.update(tail)
    return Archive(whole.hexdigest(), members)


def read_blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The next ``size`` bytes in blocks.

    Raises:
        BundleError: the file ends before.
    """
    while size > 0:
        block = _read_exactly(file, min(size, _BLOCK))
        size -= len(block)
        yield block


def _read_directory(file: BinaryIO, size: int) -> tuple[tuple[Member, ...], bytes]:
    if not _END.size <= size <= SIZE_MAX:
        raise BundleError(f"{size} bytes cannot be a bundle")
    file.seek(size - _END.size)
    end = _read_exactly(file, _END.size)
    *_, count, directory_size, offset, _ = _END.unpack(end)
    if end != _end_record(count, directory_size, offset) or offset + directory_size + _END.size != size:
        raise BundleError("it does not end as a bundle ends (cut off, or something was appended)")
    if directory_size > _DIRECTORY_MAX or count > _MEMBERS_MAX:
        raise BundleError(f"its directory of {count} files in {directory_size} bytes is larger than a bundle's can be")
    file.seek(offset)
    directory = _read_exactly(file, directory_size)
    members = _members(directory, count, offset)
    return members, directory + end


def _members(directory: bytes, count: int, data_size: int) -> tuple[Member, ...]:
    members: list[Member] = []
    position = offset = 0
    for _ in range(count):
        member = _member_at(directory, position, offset)
        position, offset = position + _CENTRAL.size + len(member.name), member.end
        if offset > data_size:
            raise BundleError(f"{member.name!r} is larger than the file")
        if members and members[-1].name >= member.name:
            raise BundleError(f"{member.name!r} is out of order in the directory")
        members.append(member)
    if position != len(directory) or offset != data_size:
        raise BundleError("there are bytes that belong to no file")
    return tuple(members)


def _member_at(directory: bytes, position: int, offset: int) -> Member:
    if position + _CENTRAL.size > len(directory):
        raise BundleError("its directory is cut off")
    fields = _CENTRAL.unpack_from(directory, position)
    crc, size, name_length = fields[7], fields[8], fields[10]
    begin = position + _CENTRAL.size
    name = directory[begin : begin + name_length]
    if not _NAME.fullmatch(name):
        raise BundleError(f"{name.decode('ascii', 'backslashreplace')[:200]!r} cannot be a file name in a bundle")
    member = Member(name.decode("ascii"), Digest("", crc, size), offset)
    if directory[position : begin + name_length] != member.central_header():
        raise BundleError(f"the directory entry of {member.name!r} is not as EdgeTL writes it")
    return member


def _end_record(count: int, directory_size: int, offset: int) -> bytes:
    return _END.pack(b"PK\5\6", 0, 0, count, count, directory_size, offset, 0)


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    block = file.read(size)
    if len(block) != size:
        raise BundleError("it is cut off")
    return block


def _blocks(source: Source) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _put(file: BinaryIO, sha: hashlib._Hash, block: bytes) -> None:
    file.write(block)
    sha.update(block)
