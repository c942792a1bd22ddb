"""Reading and fitting the weights of a pre-trained model; nothing that a weights file holds is run."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from edgetl.errors import BackboneError

_WRAPPERS = ("state_dict", "model", "model_state_dict")
_PREFIXES = ("module.", "model.", "backbone.", "_orig_mod.")
_LISTED = 8
_CODE = ("Unsupported global", "Unsupported class", "Trying to", "Can only")
"""What torch says of a pickle that wants to run something; of other bytes it says that they are no pickle."""
State = dict[str, torch.Tensor]


def load_weights(module: Any, file: Path, name: str) -> str:
    """Put the weights of ``file`` into ``module`` and say in words how they were mapped.

    Every tensor but the classifier's must find its place by name; or, when no name is known, by order, with equal
    shapes and equal last parts of the names throughout.

    Raises:
        BackboneError: unreadable, or not the weights of this model; lists the differences.
    """
    given = _read(file)
    own: State = module.state_dict()
    classifier = _classifier_prefixes(module)
    by_name = not set(given).isdisjoint(own)
    if not by_name and _is_same_in_order(given, own, classifier):
        fitted = dict(zip(own, given.values(), strict=True))
        mapping = "by order: no name was known, but number, order, shapes and kinds of all tensors agree"
    else:
        fitted, mapping = given, "by name"
        _check_names(given, own, classifier, f"weights {str(file)!r} do not fit {name!r}")
    usable = {key: value for key, value in fitted.items() if key in own and value.shape == own[key].shape}
    module.load_state_dict(usable, strict=False)
    ignored = sum(key.startswith(classifier) for key in own if key not in usable)
    return mapping + (f"; {ignored} tensors of the unused classifier do not fit and stay random" if ignored else "")


def hash_of_tensors(module: torch.nn.Module) -> str:
    """SHA-256 of the names, dtypes, shapes and values of all tensors."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _read(file: Path) -> State:
    try:
        if file.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not any(word in str(error) for word in _CODE):
            raise BackboneError(
                f"cannot read weights {str(file)!r} (no pickle of tensors); expected a state dict; download it again"
            ) from error
        raise BackboneError(
            f"weights {str(file)!r} hold more than tensors, and loading them could run code; expected a plain state "
            "dict; save model.state_dict() with torch.save or safetensors"
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, safetensors.SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BackboneError(
            f"cannot read weights {str(file)!r} ({reason}); expected a state dict; download it again"
        ) from error
    return _without_prefix(_unwrapped(content, file))


def _unwrapped(content: Any, file: Path) -> State:
    if isinstance(content, Mapping):
        inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), content)
        state = {str(key): value for key, value in inner.items() if isinstance(value, torch.Tensor)}
        if state:
            return state
    raise BackboneError(f"weights {str(file)!r} hold {type(content).__name__} without tensors, expected a state dict")


def _without_prefix(state: State) -> State:
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            return _without_prefix({key.removeprefix(prefix): value for key, value in state.items()})
    return state


def _classifier_prefixes(module: Any) -> tuple[str, ...]:
    names = module.pretrained_cfg.get("classifier") or ()
    return tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names))


def _is_same_in_order(given: State, own: State, classifier: tuple[str, ...]) -> bool:
    """Whether tensors agree one to one in order, in shape, and in the last part of their names.

    The last part keeps a sorted file (bias before weight, of equal shape) from being taken for one in order.
    """
    return len(given) == len(own) and all(
        theirs.rpartition(".")[2] == ours.rpartition(".")[2]
        and (given[theirs].shape == own[ours].shape or ours.startswith(classifier))
        for theirs, ours in zip(given, own, strict=True)
    )


def _check_names(given: State, own: State, classifier: tuple[str, ...], subject: str) -> None:
    counted = tuple(key for key in own if key.endswith("num_batches_tracked"))  # absent from old files, unused
    missing = [key for key in own if key not in given and not key.startswith(classifier) and key not in counted]
    unexpected = [key for key in given if key not in own and not key.startswith(classifier)]
    reshaped = [
        f"{key} is {tuple(given[key].shape)}, expected {tuple(own[key].shape)}"
        for key in own
        if key in given and given[key].shape != own[key].shape and not key.startswith(classifier)
    ]
    differences = (("missing", missing), ("unexpected", unexpected), ("of another shape", reshaped))
    if any(keys for _, keys in differences):
        listed = "".join(f"\n  {len(keys)} {kind}: {_some(keys)}" for kind, keys in differences if keys)
        raise BackboneError(f"{subject}; choose the backbone they were made for, or other weights:{listed}")


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:_LISTED]) + (", …" if len(keys) > _LISTED else "")
