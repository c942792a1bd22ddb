"""A manifest that lies is refused with a sentence, whatever it says, and never leads outside a folder."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetl.bundle import Bundle
from edgetl.errors import BundleError

Edit = Callable[[Any], None]
WithManifest = Callable[[Edit], Path]

INPUT = "golden/inputs/000.npy.zz"


def _set(*path: str | int, value: Any) -> Edit:
    def edit(manifest: Any) -> None:
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = value

    return edit


def _rename_variant(name: str) -> Edit:
    def edit(manifest: Any) -> None:
        manifest["variants"][0]["name"] = name
        manifest["variants"][0]["artifact"]["file"] = f"models/{name}.onnx"
        manifest["files"][f"models/{name}.onnx"] = manifest["files"].pop("models/fp32.onnx")

    return edit


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        pytest.param(
            _set("schema", value="edgetl.bundle/2"), "schema 'edgetl.bundle/2'.*reads 'edgetl.bundle/1'", id="schema"
        ),
        pytest.param(_set("schema", value=7), "not valid", id="schema-type"),
        pytest.param(_set("surprise", value=1), "unknown field `surprise`", id="unknown-field"),
        pytest.param(lambda m: m.pop("gates"), "missing required field `gates`", id="missing-field"),
        pytest.param(_set("gates", "margin", value=2.0), "margin is a fraction", id="margin"),
        pytest.param(_set("preprocess", "height", value=10**6), "height and width", id="height"),
        pytest.param(_set("version", value=10**30), "version must be", id="huge-version"),
        pytest.param(_set("name", value="../../etc"), "name '../../etc' must be", id="name"),
        pytest.param(_rename_variant("../../evil"), "variant '../../evil' must be", id="traversal"),
        pytest.param(_rename_variant("/etc/passwd"), "variant '/etc/passwd' must be", id="absolute"),
        pytest.param(
            _set("variants", 0, "artifact", "file", value="/etc/passwd"), "lies in '/etc/passwd'", id="artifact"
        ),
        pytest.param(_set("variants", 0, "name", value="int8-x86-vnni"), "the same name", id="twin"),
        pytest.param(_set("variants", 0, "name", value="INT8-x86-vnni"), "the same name", id="twin-by-case"),
        pytest.param(_set("files", "card.md", "size_bytes", value=1 << 60), "content of 'card.md' is not", id="size"),
        pytest.param(_set("files", "card.md", "size_bytes", value=-1), "no valid SHA-256 and size", id="negative"),
        pytest.param(_set("files", "card.md", "sha256", value="00" * 32), "content of 'card.md' is not", id="hash"),
        pytest.param(
            _set("files", "x", value={"sha256": "00" * 32, "size_bytes": 0}), "belongs to nothing", id="extra"
        ),
        pytest.param(lambda m: m["files"].pop("card.md"), "not listed", id="not-listed"),
        pytest.param(_set("golden", "n", value=4), "4", id="golden-n"),
        pytest.param(_set("golden", "n", value=1 << 62), "golden samples", id="golden-huge-n"),
        pytest.param(_set("golden", "labels", value=[0, 1, 2]), "golden labels", id="label"),
        pytest.param(_set("golden", "labels", value=[0, 1]), "golden labels", id="too-few-labels"),
        pytest.param(_set("golden", "labels", value=[[0], [1, 0], []]), "golden labels", id="labels-not-rising"),
        pytest.param(_set("golden", "labels", value=[[0], [1, 1], []]), "golden labels", id="label-twice"),
        pytest.param(_set("golden", "labels", value=[[0], 1, []]), "golden labels", id="two-kinds-of-label"),
        pytest.param(_set("golden", "labels", value=[[0], [2], []]), "golden labels", id="labels-without-class"),
        pytest.param(_set("thresholds", value=[0.5]), "thresholds must be 2 fractions", id="too-few-thresholds"),
        pytest.param(_set("thresholds", value=[0.5, 1.5]), "thresholds must be 2 fractions", id="threshold-above-1"),
        pytest.param(_set("thresholds", value=[]), "not spelled as EdgeTL spells it", id="no-thresholds-spelled-out"),
        pytest.param(_set("golden", "encoded", 0, value="../x"), "must be numbered", id="encoded-name"),
        pytest.param(_set("golden", "inputs", 0, "shape", value=[3, None, 6, 3]), "no unknown size", id="unknown-size"),
        pytest.param(_set("golden", "inputs", 0, "shape", value=[3, 1 << 38]), "the limit is", id="huge-tensor"),
        pytest.param(_set("golden", "inputs", 0, "shape", value=[3, -1]), "no unknown size", id="negative-size"),
        pytest.param(_set("golden", "inputs", 0, "dtype", value="object"), "not valid", id="dtype"),
        pytest.param(_set("classes", value=[]), "golden labels", id="no-classes"),
        pytest.param(_set("task", value="segment"), "unknown task 'segment'; expected one of: classify", id="task"),
        pytest.param(
            _set("golden", "inputs", 0, "shape", value=[3, 6, 4, 3]), "golden inputs are .* takes image", id="turned"
        ),
        pytest.param(_set("golden", "inputs", 0, "dtype", value="float32"), "golden inputs are .* takes", id="float"),
        pytest.param(_set("golden", "inputs", 0, "name", value="frame"), "golden inputs are frame", id="golden-name"),
    ],
)
def test_a_lying_manifest_is_refused(with_manifest: WithManifest, edit: Edit, sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence):
        Bundle.open(with_manifest(edit))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="cut-off"),
        pytest.param(b"[" * 200_000, id="deep-list"),
        pytest.param(b'{"schema":"edgetl.bundle/1","notes":' + b'{"a":' * 200_000, id="deep-object"),
        pytest.param(b"\xff\xfe{}", id="not-utf-8"),
        pytest.param(b'{"schema":"\\ud800"}', id="surrogate"),
        pytest.param(b"null", id="null"),
        pytest.param(b"9" * 10_000, id="number"),
    ],
)
def test_a_manifest_that_is_not_one_is_refused(
    files: dict[str, bytes], repack: Callable[[dict[str, bytes]], Path], raw: bytes
) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.open(repack(files | {"manifest.json": raw}))


def test_deep_notes_are_refused(files: dict[str, bytes], repack: Callable[[dict[str, bytes]], Path]) -> None:
    deep = b'"notes":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    start, end = files["manifest.json"].split(b'"notes":{"chosen":[1,2.5,null,{"c":1}]}')
    with pytest.raises(BundleError, match="nested too deeply"):
        Bundle.open(repack(files | {"manifest.json": start + deep + end}))


@pytest.mark.parametrize(
    "respell",
    [
        pytest.param(lambda raw: raw + b"\n", id="newline"),
        pytest.param(lambda raw: msgspec.json.format(raw), id="indented"),
        pytest.param(lambda raw: raw.replace("é".encode(), b"\\u00e9"), id="escaped"),
        pytest.param(lambda raw: raw.replace(b'"version":2', b'"version":2,"version":2'), id="twice"),
        pytest.param(lambda raw: raw.replace(b"0.015", b"1.5e-2"), id="exponent"),
        pytest.param(lambda raw: raw.replace(b'"accuracy_min":null,', b""), id="default-left-out"),
    ],
)
def test_another_spelling_of_the_same_manifest_is_refused(
    files: dict[str, bytes], repack: Callable[[dict[str, bytes]], Path], respell: Callable[[bytes], bytes]
) -> None:
    raw = respell(files["manifest.json"])
    assert raw != files["manifest.json"]
    with pytest.raises(BundleError, match="not spelled as EdgeTL spells it"):
        Bundle.open(repack(files | {"manifest.json": raw}))


def test_a_manifest_above_the_limit_is_refused(
    files: dict[str, bytes], repack: Callable[[dict[str, bytes]], Path]
) -> None:
    with pytest.raises(BundleError, match="the limit is 16777216"):
        Bundle.open(repack(files | {"manifest.json": b" " * ((16 << 20) + 1)}))


def _with_tensor(files: dict[str, bytes], content: bytes) -> dict[str, bytes]:
    manifest = msgspec.json.decode(files["manifest.json"])
    manifest["files"][INPUT] = {"sha256": sha256(content).hexdigest(), "size_bytes": len(content)}
    return files | {INPUT: content, "manifest.json": msgspec.json.encode(manifest, order="sorted")}


@pytest.mark.parametrize(
    "tensor",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[:-5], id="cut-off"),
        pytest.param(lambda raw: raw + b"x", id="appended"),
        pytest.param(lambda raw: zlib.compress(zlib.decompress(raw)[:-1]), id="one-byte-less"),
        pytest.param(lambda raw: zlib.compress(zlib.decompress(raw) + b"x"), id="one-byte-more"),
        pytest.param(lambda raw: zlib.compress(zlib.decompress(raw).replace(b"|u1", b"|i1")), id="other-dtype"),
        pytest.param(lambda raw: zlib.compress(zlib.decompress(raw).replace(b"(3, 4", b"(4, 3")), id="other-shape"),
        pytest.param(lambda raw: b"not zlib", id="not-compressed"),
    ],
)
def test_a_golden_tensor_that_is_not_as_declared_is_refused(
    files: dict[str, bytes], repack: Callable[[dict[str, bytes]], Path], tensor: Callable[[bytes], bytes]
) -> None:
    bundle = Bundle.open(repack(_with_tensor(files, tensor(files[INPUT]))))
    with pytest.raises(BundleError, match="golden tensor 'image'"):
        bundle.golden()


def test_a_decompression_bomb_takes_no_memory(
    files: dict[str, bytes], repack: Callable[[dict[str, bytes]], Path]
) -> None:
    bundle = Bundle.open(repack(_with_tensor(files, zlib.compress(bytes(100_000_000), 9))))
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="does not decompress to the"):
            bundle.golden()
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_a_declared_size_takes_no_memory(with_manifest: WithManifest) -> None:
    bundle = Bundle.open(with_manifest(_set("golden", "references", "fp32", 0, "shape", value=[3, 1_000_000_000])))
    tracemalloc.start()
    try:
        with pytest.raises(BundleError, match="does not decompress to the"):
            bundle.golden()
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "..", "../x", "/etc/passwd", "a/b", "A" * 300, "\0", "é", "fp32", "models/fp32.onnx", "float64"]
    ),
    st.text(max_size=5),
    st.lists(st.integers(-2, 1 << 40), max_size=4),
    st.dictionaries(st.sampled_from(["a", "..", "card.md", "fp32"]), st.integers(), max_size=2),
    st.integers(1, 900).map(lambda depth: msgspec.json.decode(b"[" * depth + b"]" * depth)),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 30), value=_VALUES, action=st.sampled_from(["replace", "delete", "add", "copy"]))
def test_any_change_of_a_manifest_is_a_bundle_error_or_harmless(
    with_manifest: WithManifest, tmp_path: Path, seed: int, value: Any, action: str
) -> None:
    path = with_manifest(lambda manifest: _mutate(manifest, random.Random(seed), action, value))
    cache = tmp_path / "cache"
    try:
        bundle = Bundle.open(path)
        for variant in bundle.manifest.variants:
            assert bundle.model(variant.name, cache).parent == cache
        bundle.golden()
    except BundleError:
        pass


def _mutate(manifest: Any, rng: random.Random, action: str, value: Any) -> None:
    node, key = rng.choice(list(_places(manifest)))
    if action == "replace":
        node[key] = value
    elif action == "delete":
        del node[key]
    elif action == "copy":
        other, place = rng.choice(list(_places(manifest)))
        node[key] = msgspec.json.decode(msgspec.json.encode(other[place]))
    elif isinstance(node, dict):
        node[str(value)[:100].encode("utf-8", "replace").decode()] = value
    else:
        node.insert(key, value)


def _places(node: Any) -> Any:
    for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(child, (dict, list)):
            yield from _places(child)


@pytest.mark.parametrize("name", ["proven_isa", "remarks"])
def test_a_bundle_older_than_a_field_of_its_files_is_read_and_a_newer_one_keeps_it(
    name: str, files: dict[str, bytes], with_manifest: WithManifest
) -> None:
    assert name.encode() not in files["manifest.json"]

    older = Bundle.open(with_manifest(lambda manifest: None)).manifest
    newer = Bundle.open(with_manifest(_set("variants", 1, "artifact", name, value=["one"]))).manifest

    assert [getattr(variant.artifact, name) for variant in older.variants] == [(), ()]
    assert [getattr(variant.artifact, name) for variant in newer.variants] == [(), ("one",)]


def test_a_manifest_tells_the_remarks_on_its_variants(with_manifest: WithManifest) -> None:
    manifest = Bundle.open(with_manifest(_set("variants", 1, "artifact", "remarks", value=["no Gelu"]))).manifest

    assert manifest.remarks == {manifest.variants[1].name: ("no Gelu",)}
