"""A trunk with its head, as one module that knows which of its parts must not change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm

from edgetl.host.adapt import Head
from edgetl.host.backbones import Trunk
from edgetl.host.training.options import BatchNormMode


class StandardHead(torch.nn.Module):
    """An affine head on standardised features, whose gradients are of one scale whatever the features' own is."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, head: Head, mean: NDArray[np.float32], scale: NDArray[np.float32]) -> None:
        """Unfold ``head``, so that the logits stay what they were.

        Args:
            mean: of each feature, shape ``(features,)``.
            scale: what each feature is divided by, shape ``(features,)``.
        """
        super().__init__()
        classes, features = head.weight.shape
        self.register_buffer("mean", torch.from_numpy(mean.copy()))
        self.register_buffer("scale", torch.from_numpy(scale.copy()))
        self.linear = torch.nn.Linear(features, classes)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weight * scale))
            self.linear.bias.copy_(torch.from_numpy(head.bias + head.weight @ mean))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits ``(n, classes)`` of features ``(n, features)``."""
        return self.linear((features - self.mean) / self.scale)  # type: ignore[no-any-return]

    def folded(self) -> Head:
        """The same map on raw features."""
        weight = self.linear.weight.detach().double().cpu().numpy() / self.scale.double().cpu().numpy()
        bias = self.linear.bias.detach().double().cpu().numpy() - weight @ self.mean.double().cpu().numpy()
        return Head(weight.astype(np.float32), bias.astype(np.float32))


class TrainingModel(torch.nn.Module):
    """Trunk and head with a promise: what is frozen stays as it is, also after ``train()``.

    ``requires_grad = False`` does not stop the running statistics of BatchNorm, and every call of ``train()`` would
    set a layer's mode back; so the mode of frozen parts is decided here.
    """

    def __init__(self, trunk: Trunk, head: StandardHead, frozen: frozenset[str], batchnorm: BatchNormMode) -> None:
        """Freeze by name.

        Args:
            frozen: names of the backbone's parameters that never change.
            batchnorm: ``eval`` keeps the running statistics of all layers; ``train`` of the frozen ones only.
        """
        super().__init__()
        self.trunk, self.head = trunk, head
        self.frozen, self.batchnorm = frozen, batchnorm
        for name, parameter in trunk.backbone.named_parameters():
            parameter.requires_grad_(name not in frozen)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits ``(n, classes)`` of images ``(n, h, w, 3)`` from 0 to 255."""
        return self.head(self.trunk(images))  # type: ignore[no-any-return]

    def train(self, mode: bool = True) -> TrainingModel:
        """Training mode for what is trained; everything frozen stays in evaluation mode."""
        super().train(mode)
        if mode:
            for name, module in self.trunk.backbone.named_modules():
                still = isinstance(module, _BatchNorm) and self.batchnorm == "eval"
                if still or self._is_frozen(name, module):
                    module.eval()
        return self

    def constants(self) -> dict[str, torch.Tensor]:
        """Every tensor that training must leave bit-identical: frozen parameters, and statistics that stand still."""
        backbone = self.trunk.backbone
        kept: dict[str, torch.Tensor] = {name: p for name, p in backbone.named_parameters() if name in self.frozen}
        still = set()
        for name, module in backbone.named_modules():
            if self.batchnorm == "eval" or self._is_frozen(name, module):
                still |= {f"{name}.{key}" if name else key for key, _ in module.named_buffers(recurse=False)}
        kept |= {name: buffer for name, buffer in backbone.named_buffers() if name in still}
        kept |= {f"head.{name}": buffer for name, buffer in self.head.named_buffers()}
        return kept

    def _is_frozen(self, name: str, module: torch.nn.Module) -> bool:
        """Whether a module has parameters and all of them are frozen."""
        own = [f"{name}.{key}" if name else key for key, _ in module.named_parameters()]
        return bool(own) and self.frozen.issuperset(own)


def digest(tensors: Mapping[str, torch.Tensor] | Iterable[tuple[str, torch.Tensor]]) -> str:
    """SHA-256 of names and contents."""
    found = hashlib.sha256()
    for name, tensor in sorted(dict(tensors).items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
