from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from edgetl.host.backbones import load_backbone, trunk
from edgetl.host.export import GraphPass, module_digest, optimise, to_onnx, torch_parity
from edgetl.host.graph import write_graph
from edgetl.host.inference import Engine, collect
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice


class TinyTrunk(torch.nn.Module):
    """Convolution, BatchNorm, pooling."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.convolution = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(8)
        self.norm.running_mean.copy_(torch.linspace(-1, 1, 8))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        pixels = image.to(torch.float32).permute(0, 3, 1, 2) / 255
        return torch.relu(self.norm(self.convolution(pixels))).mean((2, 3))


@pytest.fixture(scope="module")
def exported() -> onnx.ModelProto:
    return to_onnx(TinyTrunk().eval(), Preprocess(height=16, width=16))


@pytest.fixture
def images() -> tuple[np.ndarray, ...]:
    return tuple(np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8))


def scaled_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A pass that breaks the model: every convolution weight 2 % larger."""
    for weight in model.graph.initializer:
        if len(weight.dims) == 4:
            weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * np.float32(1.02), weight.name))
    return model


def failing(model: onnx.ModelProto) -> onnx.ModelProto:
    raise ValueError("a pass that fails")


def test_exported_trunk_takes_uint8_images_and_any_batch(exported: onnx.ModelProto) -> None:
    tensor = exported.graph.input[0].type.tensor_type
    assert exported.graph.input[0].name == "image"
    assert tensor.elem_type == onnx.TensorProto.UINT8
    assert tensor.shape.dim[0].dim_param == "N"
    assert [size.dim_value for size in tensor.shape.dim[1:]] == [16, 16, 3]
    assert [output.name for output in exported.graph.output] == ["features"]


def test_passes_fold_batch_norm_and_keep_the_outputs(
    exported: onnx.ModelProto, images: tuple[np.ndarray, ...], tmp_path: Path
) -> None:
    model, reports = optimise(exported, images, tmp_path)
    kinds = {node.op_type for node in model.graph.node}
    assert all(report.kept for report in reports)
    assert "BatchNormalization" not in kinds
    assert len(model.graph.node) < len(exported.graph.node)


@pytest.mark.parametrize("wrong", [scaled_weights, failing], ids=["changes the outputs", "raises"])
def test_a_bad_pass_is_reverted_and_the_next_one_still_runs(
    wrong: object, exported: onnx.ModelProto, images: tuple[np.ndarray, ...], tmp_path: Path
) -> None:
    passes = (GraphPass("bad", wrong), GraphPass("good", lambda model: model))  # type: ignore[arg-type]
    model, (bad, good) = optimise(exported, images, tmp_path, passes)
    assert not bad.kept
    assert bad.reason
    assert good.kept
    assert model.SerializeToString() == exported.SerializeToString()


def test_parity_gate_fails_when_normalisation_differs() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(16, 2)).astype(np.float32)
    assert torch_parity({"logits": logits}, {"logits": logits + 1e-6}, "parity with torch").passed
    assert not torch_parity({"logits": logits}, {"logits": logits * 1.05}, "parity with torch").passed


def test_module_digest_changes_with_a_weight_and_with_a_buffer() -> None:
    first, second, third = TinyTrunk(), TinyTrunk(), TinyTrunk()
    assert module_digest(first) == module_digest(second)
    with torch.no_grad():
        second.convolution.weight[0, 0, 0, 0] += 1e-3
        third.norm.running_var[0] += 1e-3
    assert len({module_digest(module) for module in (first, second, third)}) == 3


def test_module_digest_changes_with_how_a_backbone_is_cut() -> None:
    choice = BackboneChoice("test_efficientnet", "random", Preprocess(height=32, width=32))
    backbone = load_backbone(choice, Path(), seed=0)
    cuts = [
        trunk(backbone, ("blocks.2", "head")),
        trunk(backbone, ("blocks.3", "head")),
        trunk(backbone, ("blocks.2",)),
        trunk(backbone, ("blocks.2", "head"), ("mean", "std")),
        trunk(backbone, ("blocks.2", "head"), ("mean", "log")),
    ]
    assert len({module_digest(cut) for cut in cuts}) == len(cuts)


class TinyTokens(torch.nn.Module):
    """A class token before the image's rows, which asks how many images there are, as vision transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.token = torch.nn.Parameter(torch.ones(1, 1, 16))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        rows = image.to(torch.float32).permute(0, 3, 1, 2).mean(1) / 255
        return torch.cat([self.token.expand(image.shape[0], -1, -1), rows], dim=1).mean(1)


def test_sizes_are_asked_behind_the_cast_which_alone_reads_the_image(
    images: tuple[np.ndarray, ...], tmp_path: Path
) -> None:
    module = TinyTokens().eval()
    raw = to_onnx(module, Preprocess(height=16, width=16))
    optimised, _ = optimise(raw, images, tmp_path)
    for model in (raw, optimised):
        onnx.checker.check_model(model)
        assert "Shape" in {node.op_type for node in model.graph.node}
        assert [node.op_type for node in model.graph.node if "image" in node.input] == ["Cast"]
    with torch.inference_mode():
        expected = {"features": module(torch.from_numpy(np.stack(images))).numpy()}
    write_graph(optimised, tmp_path / "optimised.onnx")
    outputs = collect(Engine(tmp_path / "optimised.onnx", "onnxruntime"), images, threads=1)
    assert torch_parity(expected, outputs, "parity").passed
