"""What a preparation depends on, so that an unchanged one is not repeated."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import edgetl
from edgetl.device.probe import environment
from edgetl.host.weights import weights_file
from edgetl.recipe import BackboneChoice, Recipe

TOOLS = ("numpy", "onnx", "onnxruntime", "onnxscript", "openvino", "pillow", "scikit-learn", "timm", "torch")
"""Packages whose version changes the numbers."""


def preparation_key(recipe: Recipe, data_sha256: str, base: Path) -> dict[str, object]:
    """Everything that changes the bundle: recipe, data, weights, code, tools and instruction set."""
    return {
        "recipe": recipe.sha256,
        "data": data_sha256,
        "weights": _weights(recipe.backbone, base),
        "code": _code(),
        "tools": tool_versions(),
        "cpu": sorted(environment().cpu.isa),
    }


def tool_versions() -> dict[str, str]:
    """Installed versions of the packages that change the numbers."""
    found = {}
    for name in TOOLS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _weights(choice: BackboneChoice, base: Path) -> str:
    """A pinned word (``hub``, ``random``) as it is, a file by its content."""
    return choice.weights if choice.weights in ("hub", "random") else weights_file(choice.weights, base).sha256


def _code() -> str:
    digest = hashlib.sha256(edgetl.__version__.encode())
    root = Path(edgetl.__file__).parent
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
