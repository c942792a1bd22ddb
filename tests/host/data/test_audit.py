"""Promises of :mod:`edgetl.host.data.audit`."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edgetl.errors import DataError
from edgetl.host.data import audit as audit_module
from edgetl.host.data.audit import Audit, Audited, audit
from edgetl.host.data.dataset import Dataset, Sample
from edgetl.progress import Silent


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (3, 3), (value % 256, value // 256, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def dataset(*extra: Sample, n: int = 4) -> Dataset:
    samples = tuple(Sample(png(value), value % 2) for value in range(2 * n))
    return Dataset(("good", "bad"), samples + extra)


def audited(data: Dataset, **options: Any) -> Audited:
    progress = options.pop("progress", Silent())
    return audit(data, Audit(**{"min_per_class": 2, "skip_bad": False, "threads": 2, **options}), progress)


class Notes(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, message: str) -> None:
        self.notes.append(message)


def test_every_sample_gets_the_hash_of_its_content_in_order(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    file.write_bytes(png(99))
    samples = audited(dataset(Sample(file, 1))).dataset.samples
    assert [s.sha256 for s in samples] == [hashlib.sha256(png(v)).hexdigest() for v in (*range(8), 99)]


def test_unreadable_images_are_refused_with_ten_of_them_and_their_count(tmp_path: Path) -> None:
    bad = []
    for index in range(12):
        bad.append(tmp_path / f"bad{index:02d}.png")
        bad[-1].write_bytes(png(index)[:40])
    with pytest.raises(DataError, match=r"12 images cannot be read.*skip_bad = true") as caught:
        audited(dataset(*(Sample(path, 0) for path in bad)))
    assert "bad09.png" in str(caught.value)
    assert "bad10.png" not in str(caught.value)
    assert "and 2 more" in str(caught.value)


def test_unreadable_images_are_left_out_and_listed_when_asked(tmp_path: Path) -> None:
    notes = Notes()
    result = audited(
        dataset(Sample(b"not an image", 0), Sample(tmp_path / "gone.png", 1)), skip_bad=True, progress=notes
    )
    assert len(result.dataset.samples) == 8
    assert [name for name, _ in result.skipped] == ["image in memory", str(tmp_path / "gone.png")]
    assert "cannot be opened (No such file or directory)" in result.skipped[1][1]
    *each, warning = notes.notes
    assert len(each) == 2
    assert warning == "2 of 10 images cannot be read and are left out, as skip_bad says"
    assert result.skipped[0][1] == "not an image of a format that Pillow reads"


def test_images_that_the_source_leaves_out_are_listed_and_refuse_nothing() -> None:
    data = replace(dataset(), left_out=(("a/b.png", "no annotation"),))
    found = audited(data)
    assert found.skipped == (("a/b.png", "no annotation"),)
    assert found.left_out == [("b.png", "no annotation")]


def test_a_class_with_too_few_images_is_refused() -> None:
    with pytest.raises(DataError, match=r"class 'bad' \(4\), expected at least 5"):
        audited(dataset(Sample(png(100), 0)), min_per_class=5)


def test_left_out_images_do_not_count() -> None:
    with pytest.raises(DataError, match=r"class 'bad' \(4\)"):
        audited(dataset(Sample(png(100), 0), Sample(b"x", 1)), min_per_class=5, skip_bad=True)


def test_one_picture_under_two_labels_is_refused_with_both_files(tmp_path: Path) -> None:
    files = tmp_path / "a.png", tmp_path / "b.png"
    for file in files:
        file.write_bytes(png(77))
    with pytest.raises(DataError, match=r"1 image has two labels.*\n.*a\.png is 'good', .*b\.png is 'bad'"):
        audited(dataset(Sample(files[0], 0), Sample(files[1], 1)))


def test_identical_pictures_become_one_group() -> None:
    samples = audited(dataset(Sample(png(0), 0))).dataset.samples
    assert samples[0].group == samples[-1].group is not None
    assert {sample.group for sample in samples[1:-1]} == {None}


def test_identical_pictures_join_their_groups() -> None:
    linked = (
        Sample(png(50), 0, "monday"),
        Sample(png(51), 0, "monday"),
        Sample(png(51), 0, "tuesday"),
        Sample(png(52), 0, "tuesday"),
        Sample(png(53), 0, "friday"),
    )
    samples = audited(dataset(*linked)).dataset.samples[8:]
    assert [sample.group for sample in samples] == ["monday"] * 4 + ["friday"]


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (Sample(png(50), 0, None, "train"), Sample(png(50), 0, None, "test"), "the same content"),
        (Sample(png(50), 0, "monday", "train"), Sample(png(51), 0, "monday", "test"), "group 'monday'"),
    ],
    ids=["picture", "group"],
)
def test_linked_samples_in_two_given_splits_are_refused(first: Sample, second: Sample, message: str) -> None:
    with pytest.raises(DataError, match=message):
        audited(Dataset(("good", "bad"), (first, second, *(Sample(png(v), v % 2, None, "train") for v in range(8)))))


def test_a_second_audit_decodes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache" / "audit.json"
    first = audited(dataset(), cache=cache)
    monkeypatch.setattr(audit_module, "look", lambda data: pytest.fail("decoded again"))
    assert audited(dataset(), cache=cache) == first


def test_unreadable_images_are_not_remembered_as_sound(tmp_path: Path) -> None:
    cache = tmp_path / "audit.json"
    broken = dataset(Sample(png(90)[:40], 0))
    audited(broken, cache=cache, skip_bad=True)
    with pytest.raises(DataError, match="1 image cannot be read"):
        audited(broken, cache=cache)


@pytest.mark.parametrize("content", ["", "[]", '{"schema": "other"}', "{"])
def test_a_damaged_cache_is_replaced(tmp_path: Path, content: str) -> None:
    cache = tmp_path / "audit.json"
    cache.write_text(content)
    assert len(audited(dataset(), cache=cache).dataset.samples) == 8
    assert len(json.loads(cache.read_text())["images"]) == 8
