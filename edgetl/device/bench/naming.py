"""What models that are timed together are called, so that each can be told from the others."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edgetl.bundle import Bundle
from edgetl.device.onnx_file import identity_of, parts_of
from edgetl.result import BundleIdentity


def distinct_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """A name for each file, with as many of the folders above it as tell it from the others; all names differ.

    ``old/model.onnx`` and ``new/model.onnx``; a file that is given twice is ``model.onnx#1`` and ``model.onnx#2``.
    """
    whole = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  # a link keeps its own name
    times, seen, names = Counter(whole), Counter[Path](), []
    for path in whole:
        seen[path] += 1
        name = _shortest(path, [other for other in times if other != path])
        names.append(name if times[path] == 1 else f"{name}#{seen[path]}")
    return tuple(names)


def path_of(model: Path | Bundle) -> Path:
    """The file that was given."""
    return model.path if isinstance(model, Bundle) else model


def identity_of_models(models: Sequence[Path | Bundle]) -> BundleIdentity:
    """The identity of the only model; of several, their names and one hash of all, in the order given."""
    identities = [
        model.identity if isinstance(model, Bundle) else BundleIdentity(model.name, None, identity_of(parts_of(model)))
        for model in models
    ]
    if len(identities) == 1:
        return identities[0]
    together = hashlib.sha256(msgspec.json.encode(identities)).hexdigest()
    own = [identity.name for identity in identities]
    names = own if len(set(own)) == len(own) else distinct_names([path_of(model) for model in models])
    return BundleIdentity(", ".join(names), None, together)


def _shortest(path: Path, others: Sequence[Path]) -> str:
    parts = path.parts
    for length in range(1, len(parts)):
        end = parts[-length:]
        if all(other.parts[-length:] != end for other in others):
            return "/".join(end)
    return path.as_posix()
