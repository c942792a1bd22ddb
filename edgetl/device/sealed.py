"""Files of a cache that begin with a checksum of what they hold, so that a damaged one is not taken for a whole one.

For what a runtime would load without a look: damage inside weights gives wrong numbers, not an error. Checksum and
content are one file, so that no process ever finds one without the other. It guards against disks and power cuts, not
against people, so it is the cheapest there is: SHA-256 would take a quarter of the time to import 100 MB, CRC-32 a
tenth.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from edgetl.files import replacing

_HEADER = struct.Struct(">8sI")
_MAGIC = b"edgetl/1"
_BLOCK = 1 << 20


def seal(path: Path, content: memoryview) -> None:
    """Write a file with its checksum, whole or not at all.

    Raises:
        OSError: the folder cannot be written to.
    """
    with replacing(path) as file:
        file.write(_HEADER.pack(_MAGIC, zlib.crc32(content)))
        file.write(content)


def is_intact(path: Path) -> bool:
    """Whether a file is there, can be read and is what was sealed."""
    checksum, block = 0, memoryview(bytearray(_BLOCK))
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER.size)
            while size := file.readinto(block):
                checksum = zlib.crc32(block[:size], checksum)
    except OSError:
        return False
    return header == _HEADER.pack(_MAGIC, checksum)


def sealed_content(path: Path) -> bytes:
    """What a file holds behind its checksum, which is not looked at again.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        file.seek(_HEADER.size)
        return file.read()
