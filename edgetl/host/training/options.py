"""What every trained method lets a recipe say."""

from __future__ import annotations

from typing import Literal

import msgspec

from edgetl.host.backbones import Pooling

Schedule = Literal["cosine", "poly", "tanh"]
BatchNormMode = Literal["eval", "train"]
Precision = Literal["auto", "fp32", "bf16"]


class Augment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Random changes to a training image; every one of them must leave its label true."""

    views: tuple[str, ...] = ("identity", "hflip")
    """One of these is drawn for every image and epoch."""
    crop: float = 1.0
    """Least area of a random crop that is resized to the full input; 1 shows the whole image."""
    brightness: float = 0.0
    """Every pixel is multiplied by a factor from ``1 - brightness`` to ``1 + brightness``."""
    contrast: float = 0.0
    """Distance from the image's mean is multiplied by a factor from ``1 - contrast`` to ``1 + contrast``."""
    mixup: float = 0.0
    """``alpha`` of the Beta distribution that pairs of images and labels are mixed with; 0 mixes none."""

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop is the least area to keep, above 0 and at most 1, got {self.crop}")
        for name in ("brightness", "contrast"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {getattr(self, name)}")
        if self.mixup < 0:
            raise ValueError(f"mixup must be at least 0, got {self.mixup}")


class TrainingOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How weights are trained, whatever they start from."""

    stages: tuple[str, ...] | None = ()
    """Stages whose pooled features the head sees besides the last; none by default, as in the published network."""
    pooling: tuple[Pooling, ...] = ("mean",)
    """``mean`` is required; ``std`` adds the deviation over the map (texture); ``log`` compresses all of these."""
    epochs: int = 10
    batch: int = 16
    optimizer: str = "adamw"
    """Any name that timm knows."""
    learning_rate: float = 1e-3
    """Of the trunk's last layers, at its highest."""
    head_learning_rate: float | None = None
    """``learning_rate`` when absent."""
    weight_decay: float = 1e-4
    """Not applied to biases and normalisation."""
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    """Fraction of all steps in which the rate rises from 0."""
    label_smoothing: float = 0.0
    clip: float | None = None
    """Largest norm of the gradient."""
    ema: float | None = None
    """Decay of an exponential moving average of the weights, which is then what is judged and kept."""
    patience: int | None = None
    """Stop after so many epochs without a lower validation loss; all epochs run when absent."""
    balanced: bool = False
    """Weigh classes by their inverse frequency; where an image may have several, having and not having each."""
    batchnorm: BatchNormMode = "eval"
    """``eval`` keeps the running statistics of pre-training; ``train`` estimates them again on small batches."""
    keep_activations: bool = True
    """With ``last_stages`` on a CPU, and where ``views`` is all the augmentation: compute what the frozen stages give
    once per view of an image, and keep it on disk while training."""
    precision: Precision = "auto"
    """``auto`` is fp32 on a CPU and mixed bf16 on a GPU."""
    augment: Augment = Augment()

    def __post_init__(self) -> None:
        if "mean" not in self.pooling:
            raise ValueError(f"pooling must contain 'mean', got {list(self.pooling)}")
        if self.epochs < 1 or self.batch < 2:
            raise ValueError(f"expected epochs >= 1 and batch >= 2, got {self.epochs} and {self.batch}")
        for name in ("learning_rate", "head_learning_rate", "clip"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")
        for name in ("warmup", "label_smoothing", "ema"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
        if self.weight_decay < 0 or (self.patience is not None and self.patience < 1):
            raise ValueError(
                f"expected weight_decay >= 0 and patience >= 1, got {self.weight_decay} and {self.patience}"
            )
