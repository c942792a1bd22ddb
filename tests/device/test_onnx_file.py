"""Plain ONNX files are read as far as it takes to know all their parts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgetl.artifact import sha256_of
from edgetl.device.onnx_file import identity_of, parts_of, size_of
from edgetl.errors import InputError


def model(folder: Path, value: float = 0.0, *, external: bool = True) -> Path:
    weight = numpy_helper.from_array(np.full((64, 64), value, np.float32), "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", ends[:1], ends[1:], [weight])
    folder.mkdir(exist_ok=True)
    onnx.save(
        helper.make_model(graph),
        folder / "m.onnx",
        save_as_external_data=external,
        location="m.data",
        size_threshold=0,
    )
    return folder / "m.onnx"


def test_weights_beside_a_model_are_part_of_it(tmp_path: Path) -> None:
    path = model(tmp_path / "a")
    assert parts_of(path) == (path, path.with_name("m.data"))
    assert size_of(parts_of(path)) == path.stat().st_size + 4 * 64 * 64


def test_other_weights_beside_the_same_graph_are_another_model(tmp_path: Path) -> None:
    one, other = model(tmp_path / "a", 0.0), model(tmp_path / "b", 1.0)
    assert sha256_of(one) == sha256_of(other)
    assert identity_of(parts_of(one)) != identity_of(parts_of(other))
    assert identity_of(parts_of(one)) == identity_of(parts_of(model(tmp_path / "c", 0.0)))


def test_a_model_in_one_file_is_known_by_its_hash(tmp_path: Path) -> None:
    path = model(tmp_path / "a", external=False)
    assert parts_of(path) == (path,)
    assert identity_of((path,)) == sha256_of(path)


def test_weights_of_graphs_within_graphs_are_found(tmp_path: Path) -> None:
    inner = onnx.load(model(tmp_path / "a"), load_external_data=False).graph
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    outer = helper.make_graph([node], "outer", [], inner.output)
    (tmp_path / "a/outer.onnx").write_bytes(helper.make_model(outer).SerializeToString())
    assert parts_of(tmp_path / "a/outer.onnx")[1:] == (tmp_path / "a/m.data",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        (b"not a model at all, but text\n", "is no ONNX file"),
        (b"\x08\x08", "it has no graph"),
    ],
    ids=["empty", "lfs", "text", "no graph"],
)
def test_what_is_no_model_is_refused_in_words(content: bytes, words: str, tmp_path: Path) -> None:
    (path := tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(InputError, match=words):
        parts_of(path)


def test_a_model_without_outputs_is_refused(tmp_path: Path) -> None:
    nothing = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [], [])
    (tmp_path / "m.onnx").write_bytes(helper.make_model(nothing).SerializeToString())
    with pytest.raises(InputError, match=r"m\.onnx' has no outputs, so it computes nothing"):
        parts_of(tmp_path / "m.onnx")


def test_a_cut_model_is_refused(tmp_path: Path) -> None:
    path = model(tmp_path / "a", external=False)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="is no ONNX file"):
        parts_of(path)


def test_a_missing_part_a_folder_and_an_absent_file_are_named(tmp_path: Path) -> None:
    path = model(tmp_path / "a")
    path.with_name("m.data").unlink()
    with pytest.raises(InputError, match=r"keeps weights in .*m\.data', which is not there"):
        parts_of(path)
    with pytest.raises(InputError, match="is a folder"):
        parts_of(tmp_path)
    with pytest.raises(InputError, match="there is no file"):
        parts_of(tmp_path / "absent.onnx")


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert parts_of(path)[0] == path


@pytest.mark.parametrize("name", ["a\nb.onnx", "a\x1b[31m.onnx", "a\udcff.onnx"], ids=["newline", "escape", "latin 1"])
def test_a_name_that_runtimes_or_terminals_do_not_take_is_refused(name: str, tmp_path: Path) -> None:
    model(tmp_path / "a", external=False).rename(tmp_path / name)
    with pytest.raises(InputError, match="rename the file or folder"):
        parts_of(tmp_path / name)


def test_a_locale_that_cannot_read_a_name_in_utf_8_is_named(tmp_path: Path) -> None:
    path = model(tmp_path / "ü", external=False)
    told = (
        "import sys; from pathlib import Path; from edgetl.device.onnx_file import parts_of; from edgetl.errors import "
        "InputError\ntry: parts_of(Path(sys.argv[1]))\nexcept InputError as error: print(error)"
    )
    odd = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", told, path], env=odd, capture_output=True, text=True, check=True)
    assert "is in UTF-8, but this environment reads names as ascii; set PYTHONUTF8=1" in done.stdout


def test_names_inside_that_are_not_in_utf_8_are_refused(tmp_path: Path) -> None:
    path = model(tmp_path / "a", external=False)
    path.write_bytes(path.read_bytes().replace(b"MatMul", b"Mat\xff\xfe\xff"))
    with pytest.raises(InputError, match=r"is no ONNX file \(a name in it is not in UTF-8"):
        parts_of(path)
