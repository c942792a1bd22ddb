"""Promises of ``benchmarks/peers/sentences/rated.py``, with an archive of a few sentences."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from peers.sentences.rated import KINDS, rated_sentences, samples_of, text_of

from edgetl.errors import DataError

LINES = "1_1\t-1.5\tIt broke.\r\n1_2\t0.95\tIt is blue.\n2_1\t1\tI like it \u2028so much.\n"


def packed(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def test_class_is_the_sign_of_a_clear_rating() -> None:
    samples = samples_of("tweets", LINES)
    assert [(text_of(one), one.label, one.group) for one in samples] == [
        ("It broke.", 0, "tweets 1"),
        ("I like it \u2028so much.", 1, "tweets 2"),
    ]
    assert len({one.sha256 for one in samples}) == 2


def test_sentences_are_read_from_the_archive_within_the_archive(tmp_path: Path) -> None:
    # of folders packed on a Mac there are further files whose names end in the same way
    files = {f"hutto/{kind}_GroundTruth.txt": LINES.encode() for kind in KINDS}
    inner = packed({**files, f"hutto/._{KINDS[0]}_GroundTruth.txt": b"\x00"})
    path = tmp_path / "vaderSentiment-3.3.2.tar.gz"
    path.write_bytes(packed({"vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))
    data = rated_sentences(path)
    assert data.classes == ("negative", "positive")
    assert [one.label for one in data.samples] == [0, 1] * len(KINDS)
    assert {one.group for one in data.samples} == {f"{kind} {text}" for kind in KINDS for text in (1, 2)}


def test_another_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.tar.gz"
    path.write_bytes(packed({"README.md": b"nothing"}))
    with pytest.raises(DataError, match=r"no 'hutto_ICWSM_2014.tar.gz' in .* expected the source archive of vader"):
        rated_sentences(path)
