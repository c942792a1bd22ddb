"""What models that are timed together are called."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from edgetl.device.bench.naming import distinct_names, identity_of_models


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("/a/m.onnx",), ("m.onnx",)),
        (("/a/m.onnx", "/a/n.onnx"), ("m.onnx", "n.onnx")),
        (("/runs/old/m.onnx", "/runs/new/m.onnx", "/n.onnx"), ("old/m.onnx", "new/m.onnx", "n.onnx")),
        (("/old/x/m.onnx", "/new/x/m.onnx"), ("old/x/m.onnx", "new/x/m.onnx")),
        (("/old/x/m.onnx", "/new/x/m.onnx", "/y/m.onnx"), ("old/x/m.onnx", "new/x/m.onnx", "y/m.onnx")),
        (("/m.onnx", "/a/m.onnx", "/b/a/m.onnx"), ("/m.onnx", "/a/m.onnx", "b/a/m.onnx")),
        (("/a/m.onnx", "/a/m.onnx"), ("m.onnx#1", "m.onnx#2")),
        (("/a/m.onnx", "/b/../a/m.onnx", "/b/m.onnx"), ("a/m.onnx#1", "a/m.onnx#2", "b/m.onnx")),
    ],
    ids=["one", "two names", "two folders", "folders above", "as few as needed", "one within another", "twice", "both"],
)
def test_names_are_as_short_as_tells_files_apart(paths: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert distinct_names([Path(path) for path in paths]) == names


@settings(max_examples=30)
@given(
    st.lists(st.lists(st.sampled_from(("a", "b", "c")), min_size=1, max_size=4).map(lambda parts: Path("/", *parts)))
)
def test_names_always_differ(paths: list[Path]) -> None:
    assert len(set(distinct_names(paths))) == len(paths)


def test_relative_paths_are_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert distinct_names([Path("m.onnx"), Path("../m.onnx")]) == ("here/m.onnx", f"{tmp_path.name}/m.onnx")


def test_identity_names_every_model(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "m.onnx" for folder in ("old", "new")]
    output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    for path in paths:
        path.parent.mkdir()
        onnx.save(helper.make_model(helper.make_graph([], path.parent.name, [], [output])), path)
    assert identity_of_models(paths).name == "old/m.onnx, new/m.onnx"
    assert identity_of_models(paths[:1]).name == "m.onnx"
    assert identity_of_models(paths).sha256 != identity_of_models(paths[::-1]).sha256
