"""Cutting a backbone: pooled outputs of chosen stages as one row of features."""

from __future__ import annotations

from typing import Literal, cast

import torch

from edgetl.errors import BackboneError
from edgetl.host.backbones.backbone import Backbone
from edgetl.host.backbones.cuts import Cut, cut_at
from edgetl.tensors import Array

HEAD = "head"
"""The features that the backbone's own classifier took."""
_DEFAULT_STAGES = 3
_VARIANCE_MIN = 1e-6
Pooling = Literal["mean", "std", "log"]
_LOG_SCALE = 5.0


def trunk(backbone: Backbone, stages: tuple[str, ...] | None = None, pooling: tuple[Pooling, ...] = ("mean",)) -> Trunk:
    """A network from ``uint8 (n, h, w, 3)`` to ``float32 (n, features)``, in evaluation mode.

    It shares its parameters with ``backbone.module`` and runs it once: cast, normalise, then the global averages of
    the chosen stages and the classifier's features, concatenated in network order.

    Args:
        stages: names of :attr:`Backbone.stages` and ``head``; the last three that timm lists and ``head`` when
            ``None``, ``head`` alone when empty.
        pooling: ``mean`` over height and width; ``std`` adds the standard deviation over them, which tells textures
            apart that have the same mean; ``log`` takes the signed logarithm ``sign(x) log(1 + 5 |x|)`` of all of
            these, so that a few large activations do not outvote the rest.

    Raises:
        BackboneError: an unknown or repeated stage.

    References:
        Perronnin, Sánchez and Mensink, "Improving the Fisher Kernel for Large-Scale Image Classification", 2010 (signed
        compression of pooled features).
    """
    names = frozenset(name for name, _ in trunk_features(backbone, stages))
    return Trunk(backbone, cut_at(backbone.module, backbone.stages, names), HEAD in names, pooling).eval()


def trunk_features(backbone: Backbone, stages: tuple[str, ...] | None = None) -> tuple[tuple[str, int], ...]:
    """Name and width of each part of a trunk's features, in their order.

    Raises:
        BackboneError: an unknown or repeated stage.
    """
    widths = {stage.name: stage.channels for stage in backbone.stages} | {HEAD: backbone.features}
    last = [stage.name for stage in backbone.stages if stage.listed][-_DEFAULT_STAGES:]
    chosen = (*last, HEAD) if stages is None else stages or (HEAD,)
    unknown = [name for name in chosen if name not in widths]
    if unknown:
        raise BackboneError(
            f"backbone {backbone.name!r} has no stage {unknown[0]!r}; expected some of: {', '.join(widths)}"
        )
    if len(set(chosen)) < len(chosen):
        raise BackboneError(f"stages {list(chosen)!r} name one twice; name each stage once")
    return tuple((name, width) for name, width in widths.items() if name in chosen)


def part_widths(module: Trunk, blank: Array) -> tuple[int, ...]:
    """Width of every pooled part of a trunk's features, in order.

    Args:
        module: what :func:`trunk` returned.
        blank: an image of the trunk's size, ``uint8 (h, w, 3)``.
    """
    with torch.inference_mode():
        parts = module.parts(torch.from_numpy(blank[None]))
    return tuple(part.shape[1] for part in parts)


class Trunk(torch.nn.Module):
    """A cut backbone with its normalisation; made by :func:`trunk`."""

    pixel_mean: torch.Tensor
    pixel_scale: torch.Tensor

    def __init__(self, backbone: Backbone, cut: Cut, with_head: bool, pooling: tuple[Pooling, ...]) -> None:
        super().__init__()
        self.backbone = backbone.module
        self.cut, self.with_head, self.pooling = cut, with_head, pooling
        self.register_buffer("pixel_mean", 255 * torch.tensor(backbone.mean).reshape(1, 3, 1, 1))
        self.register_buffer("pixel_scale", 1 / (255 * torch.tensor(backbone.std).reshape(1, 3, 1, 1)))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Features ``(n, features)`` of images ``uint8 (n, h, w, 3)``."""
        return self.joined(self.parts(image))

    def joined(self, parts: list[torch.Tensor]) -> torch.Tensor:
        """The features ``(n, features)`` of pooled parts ``(n, width)``."""
        features = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
        if "log" not in self.pooling:
            return features
        return torch.sign(features) * torch.log(1 + _LOG_SCALE * torch.abs(features))

    def parts(self, image: torch.Tensor) -> list[torch.Tensor]:
        """The pooled parts before they are joined, ``(n, width)`` each."""
        # the cast comes first: TensorRT refuses a transpose of uint8
        return self.parts_of((image.to(torch.float32).permute(0, 3, 1, 2) - self.pixel_mean) * self.pixel_scale)

    def parts_of(self, pixels: torch.Tensor, known: tuple[list[torch.Tensor], ...] = ()) -> list[torch.Tensor]:
        """The pooled parts of normalised pixels ``(n, 3, h, w)``; those of the first stages may be ``known``."""
        final, maps = self._forward(pixels)
        own = (self.pooled(output) for output in maps[len(known) :])
        parts = [part for stage in (*known, *own) for part in stage]
        return parts + self._pooled(self._channels_first(final), self._head(final)) if self.with_head else parts

    def pooled(self, output: torch.Tensor) -> list[torch.Tensor]:
        """The pooled parts of one stage's output ``(n, channels, h, w)``."""
        return self._pooled(output, output.mean((2, 3)))

    def _channels_first(self, final: torch.Tensor) -> torch.Tensor:
        is_last = final.ndim == 4 and str(getattr(self.backbone, "output_fmt", "NCHW")).endswith("NHWC")
        return final.permute(0, 3, 1, 2) if is_last else final

    def extra_repr(self) -> str:
        """How the backbone is cut; part of the key under which its graph is cached."""
        chosen = f"indices={list(self.cut.indices)}, with_head={self.with_head}, pooling={self.pooling}"
        return f"{chosen}, all_blocks=True" if self.cut.all_blocks else chosen

    def _forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        if not self.cut.indices:
            return self.backbone.forward_features(pixels), []  # type: ignore[operator]
        blocks = {"extra_blocks": True} if self.cut.all_blocks else {}
        return self.backbone.forward_intermediates(  # type: ignore[operator, no-any-return]
            pixels, indices=list(self.cut.indices), norm=False, output_fmt="NCHW", **blocks
        )

    def _pooled(self, output: torch.Tensor, pooled: torch.Tensor) -> list[torch.Tensor]:
        if "std" not in self.pooling or output.ndim != 4:
            return [pooled]
        # one reduction over the whole map (the L2 norm) instead of centring it; the rest is on short vectors
        mean = output.mean((2, 3))
        square = torch.linalg.vector_norm(output, dim=(2, 3)) ** 2 / (output.shape[2] * output.shape[3])
        return [pooled, (square - mean * mean).clamp_min(_VARIANCE_MIN).sqrt()]

    def _head(self, final: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.backbone.forward_head(final, pre_logits=True))  # type: ignore[operator]
