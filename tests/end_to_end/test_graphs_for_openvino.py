"""A network with SiLU has a graph of its own for OpenVINO, which a device with VNNI tries in no other runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgetl.bundle import Bundle
from edgetl.device.probe import INT8_DOT, environment

pytestmark = pytest.mark.slow
RECIPE = """
name = "stripes"
[data]
source = "{photos}"
[backbone]
name = "timm/{backbone}"
weights = "random"
[adapt]
method = "linear-probe"
regularisation = [0.1]
[quantize]
calibration = 32
budget_s = 0
renderings = ["x86-vnni", "openvino"]
[gates]
accuracy_drop_max = 0.9
margin = 0.1
"""


@pytest.fixture
def prepare(photos: Path, tmp_path: Path, answer: Callable[..., Any]) -> Callable[[str], Any]:
    def prepared(backbone: str) -> Any:
        (tmp_path / "recipe.toml").write_text(RECIPE.format(photos=photos, backbone=backbone))
        out = tmp_path / f"{backbone}.edgetl"
        return answer("prepare", tmp_path / "recipe.toml", "-o", out, "--cache", tmp_path / "cache")

    return prepared


def test_it_is_tried_in_openvino_alone(
    prepare: Callable[[str], Any], answer: Callable[..., Any], tmp_path: Path
) -> None:
    pytest.importorskip("openvino")
    bundle = prepare("test_efficientnet")["bundle"]
    if INT8_DOT & set(environment().cpu.isa):
        judged = {one.variant: one for one in Bundle.open(Path(bundle)).manifest.evaluations}
        assert (judged["int8-openvino"].runtime, judged["int8-openvino"].other_runtimes) == ("openvino", ())
    result = answer("qualify", bundle, "-o", tmp_path / "result.json", "--effort", "quick")
    told = {(one["variant"], one["runtime"]): one for one in result["candidates"]}
    if not INT8_DOT & set(environment().cpu.isa):
        assert all(told["int8-openvino", runtime]["latency"] is None for runtime in ("onnxruntime", "openvino"))
        return
    timed = {key for key, one in told.items() if one["latency"] is not None and key[0] != "fp32"}
    assert timed == {("int8-openvino", "openvino"), *(("int8-x86-vnni", one) for one in ("onnxruntime", "openvino"))}
    assert "it is for OpenVINO alone" in told["int8-openvino", "onnxruntime"]["rejected_because"]


def test_a_network_of_relu_has_none_and_a_remark_says_so(
    prepare: Callable[[str], Any], answer: Callable[..., Any]
) -> None:
    prepared = prepare("test_resnet")
    assert [one["name"] for one in answer("inspect", prepared["bundle"])["variants"]] == ["fp32", "int8-x86-vnni"]
    (remark,) = [one for one in prepared["remarks"] if "openvino" in one]
    assert remark.startswith(
        "there is no graph for 'openvino', because a graph for OpenVINO alone would be that of 'x86-vnni'"
    )
