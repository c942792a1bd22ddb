"""What is asked of graphs on an emulated CPU, and that the part that runs there does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from emulated_arm import CLONE, SIDE, is_right


def found(passed: bool = True, integers: int = 49, layers: int = 49) -> dict[str, Any]:
    kernels = {"QLinearConv int8": integers, "Conv fp32": layers - integers, "Gemm fp32": 1}
    return {
        "quantized_layers": layers,
        "candidates": {
            "fp32/onnxruntime/fp32/2t": {"variant": "fp32", "passed": True, "kernels": {"Conv fp32": 49}},
            "int8-arm/onnxruntime/int8/2t": {"variant": "int8-arm", "passed": passed, "kernels": kernels},
        },
    }


def test_it_is_right_where_both_pass_and_every_quantized_layer_ran_in_integers() -> None:
    assert is_right(found())


@pytest.mark.parametrize("wrong", [found(passed=False), found(integers=48), found(integers=0, layers=0)])
def test_it_is_wrong_where_int8_fails_or_a_layer_ran_in_float_or_there_was_none(wrong: dict[str, Any]) -> None:
    assert not is_right(wrong)


def test_what_runs_there_examines_a_bundle_without_the_host_side(tiny_bundle: Path, tmp_path: Path) -> None:
    alone = "import runpy, sys; sys.modules.update(torch=None, onnx=None); sys.argv = sys.argv[1:]"
    words = [sys.executable, "-c", f"{alone}; runpy.run_path(sys.argv[0], run_name='__main__')", SIDE, tiny_bundle]
    done = subprocess.run(
        [*map(str, words), str(tmp_path)], check=True, capture_output=True, text=True, env={"PYTHONPATH": str(CLONE)}
    )
    candidates = json.loads(done.stdout)["candidates"]
    (one,) = [row for name, row in candidates.items() if "/onnxruntime/" in name]
    assert one["passed"]
    assert one["accuracy"] is not None
    assert any(kind.startswith(("Gemm", "FusedGemm", "MatMul")) for kind in one["kernels"])
