"""Opening: whatever is wrong is a BundleError with a sentence, and nothing else."""

from __future__ import annotations

import os
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.bundle import Bundle, Contents, write_bundle
from edgetl.errors import BundleError, InputError
from edgetl.result import BundleIdentity


def test_open_returns_what_was_packed(packed: Path, contents: Contents) -> None:
    bundle = Bundle.open(packed)
    assert bundle.manifest.classes == contents.classes
    assert bundle.manifest.provenance == contents.provenance
    assert [variant.name for variant in bundle.manifest.variants] == ["fp32", "int8-x86-vnni"]
    assert bundle.read("card.md") == b"# Solar cells\n"
    assert bundle.identity == BundleIdentity("solar", 2, bundle.sha256)


def test_golden_samples_come_back_as_they_were(packed: Path, contents: Contents) -> None:
    golden = Bundle.open(packed).golden()
    assert golden.labels == contents.golden.labels
    assert golden.encoded == contents.golden.encoded
    np.testing.assert_array_equal(golden.inputs["image"], contents.golden.inputs["image"])
    for variant, outputs in contents.golden.references.items():
        np.testing.assert_array_equal(golden.references[variant]["logits"], outputs["logits"])
        assert golden.references[variant]["logits"].dtype == np.float32


@pytest.mark.parametrize("start", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
def test_every_changed_byte_is_refused(packed: Path, start: int) -> None:
    whole = packed.read_bytes()
    damaged = packed.with_name("damaged.edgetl")
    for position in range(start, len(whole), 4):
        content = bytearray(whole)
        content[position] ^= 1 << (position % 8)
        damaged.write_bytes(content)
        with pytest.raises(BundleError):
            Bundle.open(damaged)


def test_every_cut_is_refused(packed: Path) -> None:
    whole = packed.read_bytes()
    damaged = packed.with_name("damaged.edgetl")
    for size in range(0, len(whole), 7):
        damaged.write_bytes(whole[:size])
        with pytest.raises(BundleError):
            Bundle.open(damaged)


@pytest.mark.parametrize("seed", range(10))
def test_random_damage_is_refused(packed: Path, seed: int) -> None:
    whole, rng = packed.read_bytes(), random.Random(seed)
    damaged = packed.with_name("damaged.edgetl")
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            _damage(content, rng)
        if content == whole:
            continue
        damaged.write_bytes(content)
        with pytest.raises(BundleError):
            Bundle.open(damaged)


def _damage(content: bytearray, rng: random.Random) -> None:
    begin = rng.randrange(len(content) + 1)
    length = rng.choice((1, 1, 2, 4, 50))
    noise = rng.choice((rng.randbytes(length), bytes(length), b"\xff" * length, b"PK\x05\x06" * length))
    kind = rng.choice(("replace", "insert", "delete", "append", "move"))
    if kind == "insert":
        content[begin:begin] = noise
    elif kind == "append":
        content += noise
    elif kind == "delete":
        del content[begin : begin + length]
    elif kind == "move":
        content[begin:begin] = content[-length:]
        del content[-length:]
    else:
        content[begin : begin + length] = noise


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b"hello world", "not an .edgetl file", id="text"),
        pytest.param(b"PK\3\4", "cannot be a bundle", id="four-bytes"),
        pytest.param(b"\x08\x07\x12\x00onnx", "plain ONNX model", id="onnx"),
        pytest.param(b"PK\3\4" + bytes(100), "does not end as a bundle ends", id="zip-beginning"),
    ],
)
def test_open_says_what_a_file_is_instead(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "x.edgetl"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=sentence) as caught:
        Bundle.open(path)
    assert repr(str(path)) in str(caught.value)


def test_open_refuses_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="it is a folder"):
        Bundle.open(tmp_path)


def test_open_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no such file"):
        Bundle.open(tmp_path / "none.edgetl")


def test_open_refuses_a_name_that_cannot_be() -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        Bundle.open("a\0b")


def test_open_refuses_a_pipe_without_waiting_for_its_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleError, match="not a regular file"):
        Bundle.open(tmp_path / "pipe")


def test_open_does_not_hold_the_file_in_memory(contents: Contents, tmp_path: Path) -> None:
    encoded = tuple(np.random.default_rng(i).bytes(20_000_000) for i in range(2))
    path = tmp_path / "large.edgetl"
    write_bundle(path, _with_encoded(contents, encoded))
    tracemalloc.start()
    try:
        Bundle.open(path)
        assert tracemalloc.get_traced_memory()[1] < 6_000_000
    finally:
        tracemalloc.stop()


def _with_encoded(contents: Contents, encoded: tuple[bytes, ...]) -> Contents:
    return replace(contents, golden=replace(contents.golden, encoded=encoded))


def test_model_is_extracted_once(packed: Path, contents: Contents, tmp_path: Path) -> None:
    bundle = Bundle.open(packed)
    path = bundle.model("fp32", tmp_path / "cache")
    made = path.stat()
    assert path.read_bytes() == contents.models["fp32"].read_bytes()
    # replaced by rename if written again, so it would be another file
    assert bundle.model("fp32", tmp_path / "cache").stat().st_ino == made.st_ino
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [path.name]


@pytest.mark.parametrize("damage", [b"", b"something else"], ids=["emptied", "overwritten"])
def test_model_replaces_a_cached_file_that_is_wrong(packed: Path, tmp_path: Path, damage: bytes) -> None:
    bundle = Bundle.open(packed)
    path = bundle.model("fp32", tmp_path)
    intact = path.read_bytes()
    path.write_bytes(damage)
    assert bundle.model("fp32", tmp_path).read_bytes() == intact


def test_model_refuses_an_unknown_variant(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no variant 'fp64'.*it has fp32, int8-x86-vnni"):
        Bundle.open(packed).model("fp64", tmp_path)


def test_model_says_when_the_cache_cannot_be_written(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cache_dir= or EDGETL_CACHE"):
        Bundle.open(packed).model("fp32", tmp_path / "file")


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda bundle, folder: bundle.model("fp32", folder), id="model"),
        pytest.param(lambda bundle, folder: bundle.golden(), id="golden"),
        pytest.param(lambda bundle, folder: bundle.read("card.md"), id="read"),
    ],
)
def test_a_bundle_that_changed_after_opening_is_noticed(
    packed: Path, tmp_path: Path, use: Callable[[Bundle, Path], object]
) -> None:
    bundle = Bundle.open(packed)
    content = bytearray(packed.read_bytes())
    content[40:-40] = bytes(len(content) - 80)
    packed.write_bytes(content)
    with pytest.raises(BundleError, match="changed after it was opened"):
        use(bundle, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))
