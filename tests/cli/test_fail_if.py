"""``--fail-if`` in one run of real models."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetl.cli import run
from edgetl.device.bench.onnx_bytes import Graph, Node, onnx_bytes
from edgetl.tensors import TensorSpec

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("odd_first", [True, False], ids=["first", "second"])
def test_gate_fails_where_one_of_the_models_cannot_be_loaded(
    odd_first: bool, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = TensorSpec("x", "float32", (1, 4)), TensorSpec("y", "float32", (1, 4))
    (odd := tmp_path / "odd.onnx").write_bytes(onnx_bytes(Graph([Node("Nothing", ("x",), "y")], ends[:1], ends[1:])))
    models = [str(odd), str(tiny_bundle.parent / "fp32.onnx")][:: 1 if odd_first else -1]
    arguments = ["--effort", "quick", "--runtime", "onnxruntime", "-q"]
    assert run(["bench", *models, *arguments, "--fail-if", "slower"]) == 3
    shown = " ".join(capsys.readouterr().err.split())
    assert "refused by --fail-if slower (odd.onnx/onnxruntime/fp32/" in shown
    assert "was not timed (onnxruntime cannot load" in shown
