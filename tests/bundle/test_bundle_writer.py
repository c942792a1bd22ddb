"""Packing: equal contents give equal bytes, and what a reader would refuse is refused."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import msgspec
import numpy as np
import pytest

from edgetl.bundle import Bundle, Contents, write_bundle
from edgetl.bundle.archive import Digest, layout
from edgetl.decisions import Decisions, Flip, Flips, Shift
from edgetl.errors import BundleError, InputError
from edgetl.golden import Golden
from edgetl.interval import Interval
from edgetl.tensors import TensorSpec

DECISIONS = Decisions(
    n=3,
    flips=Flips(Interval("flip rate", 0, (0, 0.56), 3), 1, 1, 0, 1, (Flip("good", "défekt", 1, 1, 0),)),
    shifts=(Shift("top score", 3, 0.9, 1, (-0.1, 0, 0, 0.25, 1)),),
)


def test_equal_contents_give_equal_bytes(contents: Contents, tmp_path: Path) -> None:
    first, second = tmp_path / "a.edgetl", tmp_path / "b.edgetl"
    identity = write_bundle(first, contents)
    contents.models["fp32"].touch()
    assert write_bundle(second, contents) == identity
    assert first.read_bytes() == second.read_bytes()
    assert Bundle.open(first).sha256 == identity.sha256


def test_the_standard_library_can_read_a_bundle(packed: Path, contents: Contents) -> None:
    with ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert all(entry.compress_type == ZIP_STORED for entry in archive.infolist())
        assert archive.read("models/fp32.onnx") == contents.models["fp32"].read_bytes()


def test_numpy_can_read_a_golden_tensor(files: dict[str, bytes], contents: Contents) -> None:
    raw = zlib.decompress(files["golden/inputs/000.npy.zz"])
    np.testing.assert_array_equal(np.load(io.BytesIO(raw), allow_pickle=False), contents.golden.inputs["image"])


def test_tensor_names_may_hold_what_file_names_may_not(contents: Contents, tmp_path: Path) -> None:
    inputs = {"serving/../a:0": np.zeros((3, 2), np.int64), "é \n": np.zeros((3,), np.bool_)}
    references = {name: {"": np.zeros((3, 0), np.float16)} for name in contents.models}
    takes = (TensorSpec("serving/../a:0", "int64", (None, 2)), TensorSpec("é \n", "bool", (None,)))
    variants = tuple(
        msgspec.structs.replace(one, artifact=msgspec.structs.replace(one.artifact, inputs=takes))
        for one in contents.variants
    )
    odd = replace(contents, golden=Golden(inputs, references), preprocess=None, variants=variants)
    write_bundle(tmp_path / "odd.edgetl", odd)
    golden = Bundle.open(tmp_path / "odd.edgetl").golden()
    assert {name: (a.dtype, a.shape) for name, a in golden.inputs.items()} == {
        name: (a.dtype, a.shape) for name, a in inputs.items()
    }
    assert golden.references["fp32"][""].shape == (3, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        pytest.param(lambda c: replace(c, name="../x"), "name '../x' must be", id="name"),
        pytest.param(lambda c: replace(c, version=0), "version must be", id="version"),
        pytest.param(lambda c: replace(c, classes=("a", "a")), "two classes", id="equal-classes"),
        pytest.param(
            lambda c: replace(c, classes=("a", "b\nc")), "one line of printable text", id="class-of-two-lines"
        ),
        pytest.param(lambda c: replace(c, classes=("a",)), "golden labels must be", id="label-without-class"),
        pytest.param(lambda c: replace(c, variants=()), "no variant", id="no-variant"),
        pytest.param(lambda c: replace(c, models={"fp32": c.models["fp32"]}), "another hash or size", id="no-model"),
        pytest.param(
            lambda c: replace(c, models=c.models | {"fp32": c.models["int8-x86-vnni"]}),
            "another hash",
            id="other-model",
        ),
        pytest.param(lambda c: replace(c, golden=replace(c.golden, inputs={})), "golden samples", id="no-golden"),
        pytest.param(
            lambda c: replace(c, golden=replace(c.golden, references={})),
            "golden references are of nothing",
            id="no-ref",
        ),
        pytest.param(
            lambda c: replace(c, golden=replace(c.golden, inputs={"image": np.zeros(3, np.complex64)})),
            "'image' is complex64; a bundle holds uint8",
            id="dtype",
        ),
        pytest.param(
            lambda c: replace(c, preprocess=msgspec.structs.replace(c.preprocess, width=7)),
            r"preprocessing makes one uint8 tensor \(1, 4, 7, 3\)",
            id="input-shape",
        ),
        pytest.param(
            lambda c: replace(c, provenance=msgspec.structs.replace(c.provenance, notes={"x": object()})),
            "the manifest cannot be written",
            id="note",
        ),
        pytest.param(
            lambda c: replace(c, evaluations=(msgspec.structs.replace(c.evaluations[0], variant="\ud800"),)),
            "the manifest cannot be written",
            id="surrogate",
        ),
    ],
)
def test_write_refuses_what_a_reader_would(
    contents: Contents, tmp_path: Path, change: Callable[[Contents], Contents], sentence: str
) -> None:
    path = tmp_path / "x.edgetl"
    with pytest.raises(BundleError, match=sentence):
        write_bundle(path, change(contents))
    assert [file for file in tmp_path.iterdir() if file.name != "made"] == []


def test_a_failed_write_leaves_the_old_bundle(contents: Contents, packed: Path) -> None:
    before = packed.read_bytes()
    with pytest.raises(BundleError):
        write_bundle(packed, replace(contents, version=0))
    assert packed.read_bytes() == before


def test_write_says_when_a_folder_is_missing(contents: Contents, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write bundle"):
        write_bundle(tmp_path / "none" / "x.edgetl", contents)


def test_write_says_when_a_model_is_missing(contents: Contents, tmp_path: Path) -> None:
    contents.models["fp32"].unlink()
    with pytest.raises(InputError, match=r"a\.onnx"):
        write_bundle(tmp_path / "x.edgetl", contents)


def test_more_than_zip_can_say_is_refused() -> None:
    digest = Digest("", 0, 3 << 30)
    with pytest.raises(BundleError, match=r"come to 6\.44 GB in 2 files; a bundle holds less than 4\.29 GB"):
        layout({"a": digest, "b": digest})


def test_the_largest_archive_can_be_laid_out() -> None:
    overhead = (30 + 1) + (46 + 1) + 22
    assert layout({"a": Digest("", 0, 0xFFFFFFFE - overhead)})
    with pytest.raises(BundleError):
        layout({"a": Digest("", 0, 0xFFFFFFFE - overhead + 1)})


def test_a_classifier_s_manifest_does_not_mention_thresholds(contents: Contents, tmp_path: Path) -> None:
    # bundles of classifiers are byte for byte what they were before there were tasks with thresholds
    write_bundle(tmp_path / "a.edgetl", contents)
    assert b"thresholds" not in ZipFile(tmp_path / "a.edgetl").read("manifest.json")


def test_several_labels_and_thresholds_come_back(contents: Contents, tmp_path: Path) -> None:
    labels: tuple[tuple[int, ...], ...] = ((0, 1), (), (1,))
    changed = replace(
        contents, task="multilabel", thresholds=(0.25, 0.5), golden=replace(contents.golden, labels=labels)
    )
    write_bundle(tmp_path / "a.edgetl", changed)
    bundle = Bundle.open(tmp_path / "a.edgetl")
    assert bundle.manifest.thresholds == (0.25, 0.5)
    assert bundle.golden().labels == labels


def test_decisions_travel_with_an_evaluation(contents: Contents, tmp_path: Path) -> None:
    compared = msgspec.structs.replace(contents.evaluations[0], variant="int8-x86-vnni", decisions=DECISIONS)
    write_bundle(tmp_path / "a.edgetl", replace(contents, evaluations=(*contents.evaluations, compared)))
    first, second = Bundle.open(tmp_path / "a.edgetl").manifest.evaluations
    assert first.decisions is None
    assert second.decisions == DECISIONS


def test_an_evaluation_without_decisions_is_spelled_as_before_there_were_any(files: dict[str, bytes]) -> None:
    (evaluation,) = msgspec.json.decode(files["manifest.json"])["evaluations"]
    assert set(evaluation) == {"variant", "runtime", "selection", "selection_split", "test", "checks"}
