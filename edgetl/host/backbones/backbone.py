"""A pre-trained model from timm with weights from the hub, a pip package or a file."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import timm
import torch
from timm.data.config import resolve_model_data_config

from edgetl.errors import BackboneError
from edgetl.host.backbones.cuts import Stage, stages_of
from edgetl.host.backbones.weights import hash_of_tensors, load_weights
from edgetl.host.repositories import Repository, architecture_in, find_repository
from edgetl.host.weights import WeightsFile, check_pinned, weights_file
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice

_LOCAL = "local-dir:"
"""timm's prefix of a folder to make a model from."""


@dataclass(frozen=True)
class Backbone:
    """A pre-trained network and everything needed to feed it."""

    name: str
    module: torch.nn.Module
    """Takes normalised float32 ``(n, 3, h, w)``; in evaluation mode."""
    preprocess: Preprocess
    mean: tuple[float, float, float]
    """Per channel, as a fraction of 255."""
    std: tuple[float, float, float]
    stages: tuple[Stage, ...]
    """From input to output; those that timm lists and, where it can be asked for them, all other blocks."""
    features: int
    """Width of the features that its own classifier took."""
    weights_sha256: str
    """Of the weights file; of the tensors themselves when there is none (``hub``, ``random``)."""
    weights_source: str
    mapping: str
    """How the weights found their places, for the report."""
    licence: str | None = None
    """Of the weights, as their publisher states it."""
    revision: str | None = None
    """Commit of the hub's repository that it was taken from."""
    timm_name: str | None = None
    """What timm makes it from; ``name`` when absent."""


def load_backbone(choice: BackboneChoice, base: Path, seed: int) -> Backbone:
    """Load a model that timm knows, with its own preprocessing.

    Args:
        base: what local folders and weights files are relative to, usually the folder of the recipe.
        seed: of the random weights, and of a classifier that the weights do not have.

    Raises:
        BackboneError: unknown name, weights that cannot be found, read or fitted to the model.
    """
    found = find_repository(choice, base)
    name = _known(choice.name.removeprefix("timm/")) if found is None else f"{_LOCAL}{found.folder}"
    from_hub = found is None and choice.weights == "hub"
    file = _weights(choice, found, base)
    wanted = choice.preprocess
    module = _create(name, from_hub, None if wanted is None else (wanted.height, wanted.width), seed)
    if file is not None:
        mapping = load_weights(module, file.path, name if found is None else found.name)
    else:
        mapping = "timm's own" if from_hub else f"random, seed {seed}"
    config: dict[str, Any] = resolve_model_data_config(module)  # type: ignore[no-untyped-call]
    published = module.pretrained_cfg.get("license") if from_hub or found is not None else None
    return Backbone(
        name=name if found is None else found.name,
        module=module.eval(),
        preprocess=wanted or _preprocess(config),
        mean=_three(config["mean"]),
        std=_three(config["std"]),
        stages=stages_of(module),
        features=int(module.head_hidden_size),
        weights_sha256=file.sha256 if file is not None else hash_of_tensors(module),
        weights_source=choice.weights if found is None else found.source,
        mapping=mapping,
        licence=published if file is None or found is not None else file.licence,
        revision=choice.revision,
        timm_name=name,
    )


def reinitialised(backbone: Backbone, seed: int) -> Backbone:
    """The same architecture with random weights."""
    size = (backbone.preprocess.height, backbone.preprocess.width)
    module = _create(backbone.timm_name or backbone.name, False, size, seed).eval()
    return replace(
        backbone,
        module=module,
        weights_sha256=hash_of_tensors(module),
        weights_source="random",
        mapping=f"random, seed {seed}",
        licence=None,
        revision=None,
    )


def _weights(choice: BackboneChoice, found: Repository | None, base: Path) -> WeightsFile | None:
    """The file of weights, which is the one that the recipe pins; ``None`` where there is none."""
    if found is None and choice.weights in ("hub", "random"):
        return None
    file = weights_file(choice.weights, base) if found is None else found.weights
    check_pinned(file, choice.sha256)
    return file


def _known(name: str) -> str:
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), n=5)
        hint = f"did you mean {', '.join(close)}?" if close else "timm.list_models() names all"
        raise BackboneError(f"unknown backbone {name!r}; expected the name of a timm model, {hint}")
    return name


def _create(name: str, from_hub: bool, size: tuple[int, int] | None, seed: int) -> Any:
    options: dict[str, Any] = {} if size is None or not _has_fixed_size(name) else {"img_size": size}
    try:
        # timm initialises from torch's global generator, which is given back as it was
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = timm.create_model(name, pretrained=from_hub, **options)
    except Exception as error:  # timm and the hub raise anything: network, unknown tag, refused size
        if from_hub:
            raise BackboneError(
                f"cannot get weights of {name!r} from the hub ({_first_line(error)}); without network set weights in "
                "[backbone] to a local .safetensors or .pth file, to pip:PACKAGE, or to random"
            ) from error
        raise BackboneError(f"timm cannot make {name!r} ({_first_line(error)}); choose another backbone") from error
    if not (hasattr(module, "forward_intermediates") and hasattr(module, "forward_head")):
        raise BackboneError(f"backbone {name!r} cannot be cut into stages by timm {timm.__version__}; choose another")
    _simplify(module)
    return module


def _simplify(module: torch.nn.Module) -> None:
    """Replace what exports to a dozen ONNX nodes by what exports to one or two and computes the same."""
    for parent in module.modules():
        if getattr(parent, "fused_attn", False) is True:
            parent.fused_attn = False  # type: ignore[assignment]
        for name, child in parent.named_children():
            if isinstance(child, torch.nn.AdaptiveAvgPool2d) and child.output_size in (1, (1, 1)):
                setattr(parent, name, GlobalAverage())


class GlobalAverage(torch.nn.Module):
    """Mean over height and width, which stay as 1 x 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(n, c, 1, 1)`` of ``(n, c, h, w)``."""
        return x.mean((2, 3), keepdim=True)


def _has_fixed_size(name: str) -> bool:
    known = architecture_in(Path(name.removeprefix(_LOCAL))) if name.startswith(_LOCAL) else name.partition(".")[0]
    config = timm.get_pretrained_cfg(known) if timm.is_model(known) else None
    return bool(config is not None and config.fixed_input_size)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _preprocess(config: dict[str, Any]) -> Preprocess:
    _, height, width = config["input_size"]
    interpolation = config["interpolation"]
    return Preprocess(
        height=height,
        width=width,
        fit="squash" if config["crop_mode"] == "squash" else "crop",
        crop=min(float(config["crop_pct"]), 1.0),
        interpolation=interpolation if interpolation in ("nearest", "bilinear", "lanczos") else "bicubic",
    )


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
