"""Promises of :mod:`edgetl.host.data.source.archive`."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from edgetl.device.cached_files import Limits, cached_files, plan, remove
from edgetl.errors import DataError
from edgetl.host.cache import Cache
from edgetl.host.data.source import archive as archive_module
from edgetl.host.data.source import open_source, open_unlabelled

CLASSES = {"photos/a/1.png": b"one", "photos/b/2.png": b"two"}
CSV = b"path,label\nphotos/a/1.png,x\nphotos/b/2.png,y\n"


def made(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def contents(path: Path, cache: Path) -> dict[str, bytes]:
    dataset = open_source(str(path), path.parent, Cache(cache))
    return {f"{dataset.classes[s.label]}/{s.image.name}": s.image.read_bytes() for s in dataset.samples}  # type: ignore[union-attr]


NAMES = ["x.zip", "x.tar", "x.tar.gz", "x.tgz"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "files",
    [
        CLASSES,
        {"a/1.png": b"one", "b/2.png": b"two"},
        {"deep/down/" + path: data for path, data in CLASSES.items()},
        CLASSES | {"__MACOSX/photos/a/1.png": b"junk", ".DS_Store": b"junk", "photos/._1.png": b"junk"},
    ],
    ids=["one folder", "bare", "deep", "with junk"],
)
def test_class_folders_are_found_wherever_they_are(tmp_path: Path, name: str, files: dict[str, bytes]) -> None:
    assert contents(made(tmp_path / name, files), tmp_path / "cache") == {"a/1.png": b"one", "b/2.png": b"two"}


def test_a_table_in_an_archive_is_its_source(tmp_path: Path) -> None:
    archive = made(tmp_path / "x.zip", {"set/labels.csv": CSV, **{f"set/{k}": v for k, v in CLASSES.items()}})
    assert contents(archive, tmp_path / "cache") == {"x/1.png": b"one", "y/2.png": b"two"}


def test_two_tables_are_refused(tmp_path: Path) -> None:
    archive = made(tmp_path / "x.zip", {"a.csv": CSV, "b.csv": CSV})
    with pytest.raises(DataError, match=r"2 tables \(a.csv, b.csv\), expected one at most"):
        contents(archive, tmp_path / "cache")


def test_splits_in_an_archive_are_kept(tmp_path: Path) -> None:
    files = {f"{split}/{path}": split.encode() for split in ("train", "test") for path in ("a/1.png", "b/2.png")}
    dataset = open_source(str(made(tmp_path / "x.tar", files)), tmp_path, Cache(tmp_path / "cache"))
    assert {sample.split for sample in dataset.samples} == {"train", "test"}


def test_images_without_labels_may_be_in_an_archive(tmp_path: Path) -> None:
    assert (
        len(open_unlabelled(str(made(tmp_path / "x.zip", CLASSES)), tmp_path, Cache(tmp_path / "cache")).samples) == 2
    )


def test_the_same_content_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = contents(made(tmp_path / "x.zip", CLASSES), tmp_path / "cache")
    (tmp_path / "x.zip").rename(tmp_path / "y.zip")
    monkeypatch.setattr(archive_module, "_write", lambda *arguments: pytest.fail("unpacked again"))
    assert contents(tmp_path / "y.zip", tmp_path / "cache") == first


def test_a_pruned_archive_is_unpacked_again_with_every_image(tmp_path: Path) -> None:
    files = {f"{name}/{number:064x}.png": b"%d" % number for name in "ab" for number in range(3)}
    archive, cache = made(tmp_path / "x.zip", files), tmp_path / "cache"
    first = contents(archive, cache)
    found = cached_files(cache)
    remove(found, plan(found, Limits(size_bytes=3), time.time()))
    assert list((cache / "archives").iterdir()) == []
    assert contents(archive, cache) == first
    assert len(first) == 6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("evil", ["../evil.png", "/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png"])
def test_a_member_that_leads_outside_is_refused_and_nothing_stays(tmp_path: Path, name: str, evil: str) -> None:
    archive = made(tmp_path / name, {**CLASSES, evil: b"evil"})
    with pytest.raises(DataError, match="which leads outside of it"):
        contents(archive, tmp_path / "cache")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]
    assert list((tmp_path / "cache/archives").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        entry = tarfile.TarInfo("photos/a/link.png")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(DataError, match=r"'photos/a/link.png', which is a link or a device"):
        contents(tmp_path / "x.tar", tmp_path / "cache")


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("a/link.png")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DataError, match="which is a link or a device"):
        contents(tmp_path / "x.zip", tmp_path / "cache")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz"])
def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(archive_module, "ALLOWANCE", 1 << 16)
    archive = made(tmp_path / name, {"a/1.png": bytes(1 << 22), "b/2.png": b"two"})
    with pytest.raises(DataError, match="unpacks to more than 100 times its size"):
        contents(archive, tmp_path / "cache")
    assert list((tmp_path / "cache/archives").iterdir()) == []


def test_a_bomb_in_the_headers_of_a_tar_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "ALLOWANCE", 1 << 16)
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        entry = tarfile.TarInfo("a/1.png")
        entry.pax_headers = {"comment": "x" * (1 << 22)}
        archive.addfile(entry)
    with pytest.raises(DataError, match="unpacks to more than 100 times its size"):
        contents(tmp_path / "x.tar.gz", tmp_path / "cache")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cut", [0, 10, 0.5])
def test_a_damaged_archive_is_refused(tmp_path: Path, name: str, cut: float) -> None:
    data = made(tmp_path / name, {k: bytes(range(256)) * 64 + v for k, v in CLASSES.items()}).read_bytes()
    (tmp_path / name).write_bytes(data[: int(cut if cut == 0 or cut > 1 else cut * len(data))])
    with pytest.raises(DataError, match=rf"archive .*{name}' (is damaged|cannot be unpacked)"):
        contents(tmp_path / name, tmp_path / "cache")
    assert list((tmp_path / "cache/archives").iterdir()) == []


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "x.zip", CLASSES)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DataError, match="is encrypted; unpack it by hand"):
        contents(path, tmp_path / "cache")


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo("a/1.png"), io.BytesIO())
    with pytest.raises(DataError, match=r"cannot be unpacked \(File exists\)"):
        contents(tmp_path / "x.tar", tmp_path / "cache")


def test_a_table_that_lists_files_outside_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    archive = made(tmp_path / "x.zip", {"l.csv": f"path,label\n{secret},x\na.png,y\n".encode(), "a.png": b""})
    with pytest.raises(DataError, match=r"lists .*secret\.png', which is outside of it"):
        contents(archive, tmp_path / "cache")


def test_an_archive_that_is_not_compressed_as_its_name_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(gzip.compress(made(tmp_path / "y.tar", CLASSES).read_bytes()))
    with pytest.raises(DataError, match="damaged or not of its kind"):
        contents(tmp_path / "x.tar", tmp_path / "cache")


def test_without_a_cache_an_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no place to be unpacked to"):
        open_source(str(made(tmp_path / "x.zip", CLASSES)), tmp_path)
