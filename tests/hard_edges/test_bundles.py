"""Files that are no bundle, or no longer one: exit code 2, whatever the command."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.bundle.archive import Member, measure, write_archive

Command = Callable[..., Any]
Spoil = Callable[[Path, bytes], object]


def written(change: Callable[[bytes], bytes]) -> Spoil:
    return lambda path, sound: path.write_bytes(change(sound))


def zipped(compression: int = zipfile.ZIP_STORED, **members: bytes) -> Spoil:
    """The members of a sound bundle and some more, as any zip program would write them."""

    def spoil(path: Path, sound: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(path, "w", compression) as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
            for name, content in members.items():
                new.writestr(name, content)

    return spoil


def spelled(name: str) -> Spoil:
    """A further member in an archive that is spelled as EdgeTL spells its own."""

    def spoil(path: Path, sound: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(sound)) as old:
            contents = {one: old.read(one) for one in old.namelist()} | {name: b"hello"}
        members: list[Member] = []
        for one in sorted(contents):
            members.append(Member(one, measure(contents[one]), members[-1].end if members else 0))
        with path.open("wb") as file:
            write_archive(file, tuple(members), contents)

    return spoil


def with_schema(schema: str) -> Spoil:
    """A canonical archive whose manifest says another schema of equal length."""

    def spoil(path: Path, sound: bytes) -> None:
        with zipfile.ZipFile(io.BytesIO(sound)) as old:
            manifest = old.read("manifest.json")
        changed = manifest.replace(b"edgetl.bundle/1", schema.encode())
        assert len(changed) == len(manifest)
        crcs = (zlib.crc32(one).to_bytes(4, "little") for one in (manifest, changed))
        path.write_bytes(sound.replace(manifest, changed).replace(*crcs))

    return spoil


SPOILT: dict[str, tuple[Spoil, str]] = {
    "text": (written(lambda sound: b"hello, I am no bundle"), "it is not an .edgetl file; make one with"),
    "empty": (written(lambda sound: b""), "it is empty; copy it again"),
    "truncated by a byte": (written(lambda sound: sound[:-1]), "(cut off, or something was appended)"),
    "half": (written(lambda sound: sound[: len(sound) // 2]), "(cut off, or something was appended)"),
    "only its beginning": (written(lambda sound: sound[:4]), "4 bytes cannot be a bundle"),
    "something appended": (written(lambda sound: sound + b"\0"), "(cut off, or something was appended)"),
    "one bit flipped in the middle": (
        written(lambda sound: sound[: (k := len(sound) // 2)] + bytes([sound[k] ^ 1]) + sound[k + 1 :]),
        "cannot use bundle",
    ),
    "older schema": (with_schema("edgetl.bundle/0"), "it has schema 'edgetl.bundle/0'; this version of EdgeTL reads"),
    "newer schema": (with_schema("edgetl.bundle/9"), "it has schema 'edgetl.bundle/9'; this version of EdgeTL reads"),
    "schema of another tool": (with_schema("somebody.else/1"), "it has schema 'somebody.else/1'"),
    "zipped again by another program": (zipped(), "is not as EdgeTL writes it"),
    "extra member": (spelled("readme.txt"), "file 'readme.txt' is in the bundle or in its manifest.json, but not in"),
    "path traversal": (spelled("../evil"), "'../evil' cannot be a file name in a bundle"),
    "absolute path": (spelled("/etc/evil"), "'/etc/evil' cannot be a file name in a bundle"),
    "zip bomb": (zipped(zipfile.ZIP_DEFLATED, bomb=bytes(10 << 20)), "is not as EdgeTL writes it"),
    "other zip file": (
        lambda path, sound: zipfile.ZipFile(path, "w").writestr("a.txt", "hello"),
        "cannot use bundle",
    ),
    "folder": (lambda path, sound: path.mkdir(), "it is a folder; a bundle is one file"),
    "FIFO": (lambda path, sound: os.mkfifo(path), "it is not a regular file; copy the bundle to one"),
    "device": (lambda path, sound: path.symlink_to("/dev/zero"), "it is not a regular file"),
    "dangling link": (lambda path, sound: path.symlink_to("nowhere"), "there is no such file; make one with"),
    "link to itself": (lambda path, sound: path.symlink_to(path.name), "it cannot be read (Too many levels"),
    "missing": (lambda path, sound: None, "there is no such file; make one with: edgetl prepare RECIPE"),
}


@pytest.fixture(params=SPOILT)
def spoilt(request: pytest.FixtureRequest, tiny_bundle: Path, tmp_path: Path) -> tuple[Path, str]:
    spoil, said = SPOILT[request.param]
    path = tmp_path / "bad.edgetl"
    spoil(path, tiny_bundle.read_bytes())
    return path, said


@pytest.mark.parametrize(
    "line", ["inspect X", "predict X photo.jpg", "qualify X -o r.json", "verify X", "unpack X -o d", "bench X"]
)
def test_no_command_takes_it(
    line: str, spoilt: tuple[Path, str], command: Command, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, said = spoilt
    monkeypatch.chdir(photo.parent)
    (photo.parent / "photo.jpg").write_bytes(photo.read_bytes())
    before = sorted(tmp_path.iterdir())
    done = command(*line.replace("X", str(path)).split(), "--json", "-q")
    assert done.code == 2, done.err
    assert said in done.told
    assert json.loads(done.out)["error"]["type"] == "BundleError"
    assert sorted(tmp_path.iterdir()) == before


def test_plain_model_is_told_where_to_go(command: Command, tiny_bundle: Path) -> None:
    done = command("inspect", tiny_bundle.parent / "fp32.onnx")
    assert done.code == 2
    assert "it looks like a plain ONNX model; time it with: edgetl bench" in done.told
