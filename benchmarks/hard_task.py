"""Something to decide for a network that quantization fails on, so that what it loses can be counted.

The hard network of :mod:`hard_network` is no classifier: its head is random, and one class always wins. Here scores are
standardised in the head, images get the class that the float network then gives them, and those in whose scores two
classes are close are left out, as they are rare for a trained network. So the float network is right on every image,
and whatever quantization gets wrong is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from hard_network import Hardness, hard_network, images
from onnx import numpy_helper
from PIL import Image

from edgetl.host.inference import Engine, collect
from edgetl.host.prepare_onnx import OnnxRequest
from edgetl.host.request import PrepareRequest
from edgetl.host.user_onnx import InputFormat
from edgetl.recipe import recipe_from_data
from edgetl.tensors import Array

KEPT = 0.5
"""Fraction of the images that stays: those whose best score is farthest from the second."""
GATES = {"accuracy_drop_max": 0.01, "margin": 0.05}


@dataclass(frozen=True)
class HardTask:
    """A trained ONNX file and labelled images in one folder per class."""

    model: Path
    data: Path

    def request(self, out: Path, quantize: dict[str, Any], gates: dict[str, Any] | None = None) -> OnnxRequest:
        """What ``edgetl prepare --onnx`` would ask for, within a point of float; its cache lies beside ``out``."""
        described = {
            "name": "hard",
            "data": {"source": str(self.data)},
            "task": {"kind": "classify"},
            "backbone": {"name": self.model.name},
            "quantize": {"calibration": 64, **quantize},
            "gates": GATES if gates is None else gates,
            "golden": {"n": 16},
        }
        recipe = recipe_from_data(described)
        common = PrepareRequest(recipe, self.data, out, out.parent / "cache", threads=1)
        return OnnxRequest(common, self.model, InputFormat())


def hard_task(folder: Path, hardness: Hardness | None = None, count: int = 1200) -> HardTask:
    """Write the network and about half of ``count`` images below a folder."""
    network, pictures = hard_network(hardness), images(count)
    model = folder / "hard.onnx"
    onnx.save(network, model)
    standardise_head(network, logits(model, pictures))
    onnx.save(network, model)
    scores = logits(model, pictures)
    first, second = -np.sort(-scores, axis=1).T[:2]
    clear = np.argsort(second - first, kind="stable")[: round(KEPT * count)]
    for place in sorted(clear):
        path = folder / "images" / f"class-{scores[place].argmax()}" / f"{place:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[place]).save(path)
    return HardTask(model, folder / "images")


def standardise_head(network: onnx.ModelProto, scores: Array) -> None:
    """Scale and move the head so that every class has scores of mean 0 and deviation 1; in place."""
    constants = {tensor.name: tensor for tensor in network.graph.initializer}
    mean, deviation = scores.mean(0), scores.std(0)
    weight = numpy_helper.to_array(constants["head.weight"]) / deviation[:, None]
    for name, values in (("head.weight", weight), ("head.bias", -mean / deviation)):
        constants[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))


def logits(model: Path, pictures: Array) -> Array:
    (found,) = collect(Engine(model, "onnxruntime", "fp32"), tuple(pictures), 1).values()
    return found
