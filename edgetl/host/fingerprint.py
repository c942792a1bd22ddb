"""What a preparation depends on, so that an unchanged one is not repeated."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

import msgspec
import PIL

import edgetl
from edgetl.artifact import sha256_of
from edgetl.device.probe import environment
from edgetl.host.repositories import repository_key
from edgetl.host.weights import weights_file
from edgetl.preprocess import Preprocess
from edgetl.recipe import BackboneChoice, Recipe

TOOLS = (
    "numpy",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "openvino",
    "pillow",
    "scikit-learn",
    "scipy",
    "threadpoolctl",
    "timm",
    "torch",
)
"""Packages whose version changes the numbers."""
_DECODING = ("images.py", "preprocess.py")
"""Code from an image to the pixels that a model takes."""


def preparation_key(recipe: Recipe, data: object, base: Path) -> dict[str, object]:
    """Everything that changes the bundle: recipe, card, data, weights, code, tools and instruction set.

    Args:
        data: what the bundle depends on, or tells, of the data (JSON-able).
    """
    card = base / "card.md"
    return {
        "card": sha256_of(card) if card.is_file() else None,
        "recipe": recipe.sha256,
        "data": data,
        "weights": _weights(recipe.backbone, base),
        **machinery(),
    }


def machinery() -> dict[str, object]:
    """What changes numbers beside a computation's inputs: code, tools and instruction set."""
    return {"code": code_digest(), "tools": tool_versions(), "cpu": sorted(environment().cpu.isa)}


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
    """A pinned word (``hub``, ``random``) as it is, a revision by its number, a file by its content."""
    key = repository_key(choice, base)
    if key is not None:
        return key
    return choice.weights if choice.weights in ("hub", "random") else weights_file(choice.weights, base).sha256


def decoding(preprocess: Preprocess) -> dict[str, object]:
    """What decides the pixels that a model sees: how images are read, by which decoder and which code."""
    return {
        "preprocess": msgspec.to_builtins(preprocess),
        "pillow": PIL.__version__,
        "code": [code_digest(name) for name in _DECODING],
    }


def measuring() -> list[str]:
    """What decides the facts that an audit keeps of an image, beside the decoder's version: the code."""
    return [code_digest(name) for name in (*_DECODING, "host/data/facts.py", "host/data/fingerprint.py")]


def code_digest(pattern: str = "**/*.py") -> str:
    """SHA-256 of EdgeTL's own source files, so that a change of code never meets a cache of the old one."""
    root = Path(edgetl.__file__).parent
    digest = hashlib.sha256(edgetl.__version__.encode())
    for path in sorted(root.glob(pattern)):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
