"""Adapted trunks and refitted heads, content-addressed: the same inputs are not trained on twice."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from edgetl.files import write_atomically
from edgetl.host.adapt import AdaptContext, Adapted, FittedHead, Head, Method
from edgetl.host.adapt.arrays import arrays_of, fitted_from, head_from, identity_of
from edgetl.host.backbones import Pooling, trunk
from edgetl.host.data.dataset import described
from edgetl.host.export import module_digest
from edgetl.host.features import GraphFeatures
from edgetl.host.fingerprint import decoding, machinery
from edgetl.host.training.events import note_reuse
from edgetl.host.training.machine import arithmetic

_TRUNK = "trunk/"
_NOTES = "notes"
State = dict[str, torch.Tensor]


class _Notes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lies beside the tensors of a kept file."""

    report: dict[str, Any]
    trunk_sha256: str | None
    """Of the adapted trunk, so that a kept one is exactly that or is not used."""


@dataclass(frozen=True)
class _Kept:
    notes: _Notes
    tensors: State


def cut_of(options: Any) -> tuple[tuple[str, ...] | None, tuple[Pooling, ...]]:
    """Where a method's options cut the backbone, and how they pool there."""
    return getattr(options, "stages", None), getattr(options, "pooling", ("mean",))


def adaptation(method: Method, context: AdaptContext) -> Adapted:
    """What a method makes of a backbone and data, from the cache when it was made of the same before.

    Of the trunk only the tensors that adaptation changed are kept.
    """
    body, workspace = trunk(context.backbone, *cut_of(context.options)), context.workspace
    # now, because a method may train the backbone in place
    before = {name: _tensor_digest(tensor) for name, tensor in body.state_dict().items()}
    samples = [*described(workspace.splits.train), "validation", *described(workspace.splits.validation)]
    parts = [*_how(method, context), module_digest(body), decoding(workspace.preprocess), samples]
    path = workspace.cache.path("adapted", parts, ".safetensors")
    if not context.again and (adapted := _restored(path, body)) is not None:
        note_reuse(workspace.events, workspace.progress)
        return adapted
    adapted = method.adapt(context)
    state = adapted.trunk.state_dict()
    changed = {_TRUNK + name: value for name, value in state.items() if before.get(name) != _tensor_digest(value)}
    notes = _Notes(adapted.report, module_digest(adapted.trunk))
    _keep(path, _Kept(notes, changed | _head_tensors(adapted.head, adapted.fitted)))
    return adapted


def refitted(
    method: Method, context: AdaptContext, features: GraphFeatures, start: FittedHead | None
) -> FittedHead | None:
    """A method's head for another graph's features, from the cache when it was fitted to the same before."""
    how = features.how
    source = [how.engine.identity, how.reader.identity, described(features.samples)]
    backbone = [context.backbone.name, context.backbone.weights_sha256]
    path = how.cache.path("heads", [*_how(method, context), identity_of(start), backbone, source], ".safetensors")
    kept = _read(path)
    fitted = None if kept is None else _fitted(kept)
    if fitted is not None:
        return fitted
    fitted = method.refit(context, features, start)
    if fitted is not None:
        _keep(path, _Kept(_Notes({}, None), _head_tensors(fitted.head, fitted)))
    return fitted


def _how(method: Method, context: AdaptContext) -> list[object]:
    workspace = context.workspace
    options = msgspec.to_builtins(context.options)
    return [method.name, options, workspace.seed, workspace.classes, machinery(), arithmetic(context)]


def _restored(path: Path, body: torch.nn.Module) -> Adapted | None:
    """A kept adaptation on a fresh trunk; ``None`` where there is none, or not of this trunk."""
    kept = _read(path)
    if kept is None:
        return None
    changed = {name.removeprefix(_TRUNK): value for name, value in kept.tensors.items() if name.startswith(_TRUNK)}
    if changed:
        # the trunk shares its tensors with the backbone, which stays as it was pre-trained
        body = copy.deepcopy(body)
        try:
            body.load_state_dict(changed, strict=False)
        except RuntimeError:
            return None
    if module_digest(body) != kept.notes.trunk_sha256:
        return None
    fitted = _fitted(kept)
    return Adapted(body.eval(), head_from(_arrays(kept)) if fitted is None else fitted.head, fitted, kept.notes.report)


def _keep(path: Path, kept: _Kept) -> None:
    # cloned, because safetensors refuses tensors that share memory
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in kept.tensors.items()}
    metadata = {_NOTES: msgspec.json.encode(kept.notes).decode()}
    write_atomically(path, lambda temporary: save_file(tensors, temporary, metadata))


def _read(path: Path) -> _Kept | None:
    """What :func:`_keep` wrote; ``None`` where there is nothing or it is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            notes = msgspec.json.decode((file.metadata() or {})[_NOTES], type=_Notes)
            return _Kept(notes, {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, KeyError, msgspec.DecodeError):
        return None


def _head_tensors(head: Head, fitted: FittedHead | None) -> State:
    return {name: torch.from_numpy(array) for name, array in arrays_of(head, fitted).items()}


def _arrays(kept: _Kept) -> dict[str, NDArray[Any]]:
    return {name: tensor.numpy() for name, tensor in kept.tensors.items() if not name.startswith(_TRUNK)}


def _fitted(kept: _Kept) -> FittedHead | None:
    return fitted_from(_arrays(kept))


def _tensor_digest(tensor: torch.Tensor) -> str:
    values = tensor.detach().cpu().contiguous().numpy()
    return hashlib.sha256(json.dumps([str(tensor.dtype), list(tensor.shape)]).encode() + values.tobytes()).hexdigest()
