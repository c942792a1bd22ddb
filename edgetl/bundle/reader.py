"""Opening a bundle: everything is verified before anything is returned."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from edgetl.artifact import sha256_of
from edgetl.bundle.archive import Archive, Member, read_blocks, scan
from edgetl.bundle.consistency import check_manifest
from edgetl.bundle.golden_files import golden_from_files
from edgetl.bundle.manifest import MANIFEST, MANIFEST_BYTES_MAX, Manifest, decode_manifest
from edgetl.errors import BundleError
from edgetl.files import mark_used, refused, replacing
from edgetl.golden import Golden
from edgetl.result import BundleIdentity

_ZIP_BEGINS = b"PK\3\4"


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every byte has been verified; what is read later is verified again, in case the file changed."""

    path: Path
    sha256: str
    manifest: Manifest
    members: Mapping[str, Member] = field(repr=False)

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Verify a bundle from its first byte to its last, in constant memory.

        Raises:
            BundleError: the file is missing, damaged, or not a bundle.
        """
        path = Path(path)
        try:
            with _regular_file(path) as file:
                archive = scan(file)
                manifest = decode_manifest(_manifest_bytes(file, archive))
            check_manifest(manifest)
            _check_members(archive, manifest)
        except BundleError as error:
            raise BundleError(f"cannot use bundle {str(path)!r}: {error}") from error
        return cls(path, archive.sha256, manifest, archive.members)

    @property
    def identity(self) -> BundleIdentity:
        """What results are recorded under."""
        return BundleIdentity(self.manifest.name, self.manifest.version, self.sha256)

    def read(self, name: str) -> bytes:
        """Content of one file.

        Raises:
            BundleError: the bundle has no such file, or changed since it was opened.
        """
        return b"".join(self._blocks(name))

    def model(self, variant: str, cache_dir: Path) -> Path:
        """The graph of a variant as a file in ``cache_dir``, extracted when it is not there or not intact.

        Raises:
            BundleError: no such variant, or the bundle changed since it was opened.
            InputError: ``cache_dir`` cannot be written to.
            EdgeTLError: its disk is full.
        """
        artifact = self.manifest.variant(variant).artifact
        path = cache_dir / f"{artifact.sha256}.onnx"
        try:
            if path.is_file() and sha256_of(path) == artifact.sha256:
                mark_used(path)
                return path
            cache_dir.mkdir(parents=True, exist_ok=True)
            self.extract(artifact.file, path)
        except OSError as error:
            raise refused(
                f"cannot write the model to {str(cache_dir)!r} ({error.strerror}); "
                "choose a folder with space that can be written to (--cache, cache_dir= or EDGETL_CACHE)",
                error,
            ) from error
        return path

    def extract(self, name: str, path: Path) -> None:
        """Write one file of the bundle to ``path``, whole or not at all.

        Raises:
            BundleError: the bundle has no such file, or changed since it was opened.
            OSError: ``path`` cannot be written.
        """
        with replacing(path) as file:
            for block in self._blocks(name):
                file.write(block)

    def golden(self) -> Golden:
        """The golden samples.

        Raises:
            BundleError: they are not what the manifest says, or the bundle changed since it was opened.
        """
        return golden_from_files(self.manifest.golden, self.read)

    def _blocks(self, name: str) -> Iterator[bytes]:
        if name not in self.members:
            raise BundleError(f"no file {name!r} in bundle {str(self.path)!r}; it has {', '.join(self.members)[:500]}")
        member, sha = self.members[name], hashlib.sha256()
        with _regular_file(self.path) as file:
            file.seek(member.data_offset)
            for block in read_blocks(file, member.digest.size_bytes):
                sha.update(block)
                yield block
        if sha.hexdigest() != member.digest.sha256:
            raise BundleError(f"bundle {str(self.path)!r} changed after it was opened; open it again")


@contextmanager
def _regular_file(path: Path) -> Iterator[BinaryIO]:
    try:
        # not blocking: opening a pipe would otherwise wait for its writer
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise BundleError("there is no such file; make one with: edgetl prepare RECIPE -o OUT.edgetl") from error
    except (OSError, ValueError) as error:
        raise BundleError(f"it cannot be read ({getattr(error, 'strerror', None) or error})") from error
    try:
        _check_kind(os.fstat(descriptor).st_mode)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            _check_beginning(file.read(len(_ZIP_BEGINS)), path)
            yield file
    except OSError as error:
        raise BundleError(f"it cannot be read ({error.strerror})") from error
    finally:
        os.close(descriptor)


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise BundleError("it is a folder; a bundle is one file that ends in .edgetl")
    if not stat.S_ISREG(mode):
        raise BundleError("it is not a regular file; copy the bundle to one")


def _check_beginning(beginning: bytes, path: Path) -> None:
    if beginning == _ZIP_BEGINS:
        return
    if not beginning:
        raise BundleError("it is empty; copy it again")
    if path.suffix.lower() == ".onnx" or beginning[:1] == b"\x08":
        raise BundleError(
            "it looks like a plain ONNX model; time it with: edgetl bench, or pack it with: edgetl prepare --onnx"
        )
    raise BundleError("it is not an .edgetl file; make one with: edgetl prepare RECIPE -o OUT.edgetl")


def _manifest_bytes(file: BinaryIO, archive: Archive) -> bytes:
    member = archive.members.get(MANIFEST)
    if member is None:
        raise BundleError(f"it is a zip file without a {MANIFEST}, not a bundle")
    if member.digest.size_bytes > MANIFEST_BYTES_MAX:
        raise BundleError(f"its {MANIFEST} has {member.digest.size_bytes} bytes; the limit is {MANIFEST_BYTES_MAX}")
    file.seek(member.data_offset)
    raw = b"".join(read_blocks(file, member.digest.size_bytes))
    if hashlib.sha256(raw).hexdigest() != member.digest.sha256:
        raise BundleError("it changed while it was being read; open it again")
    return raw


def _check_members(archive: Archive, manifest: Manifest) -> None:
    odd = (set(archive.members) - {MANIFEST}) ^ set(manifest.files)
    if odd:
        raise BundleError(f"file {sorted(odd)[0]!r} is in the bundle or in its {MANIFEST}, but not in both")
    for name, entry in manifest.files.items():
        digest = archive.members[name].digest
        if (digest.sha256, digest.size_bytes) != (entry.sha256, entry.size_bytes):
            raise BundleError(f"the content of {name!r} is not what its {MANIFEST} says")
