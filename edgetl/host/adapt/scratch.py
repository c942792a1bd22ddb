"""The baseline: the same network from random weights, so that what transfer gains can be seen."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import torch

from edgetl.errors import EdgeTLError, Unsupported
from edgetl.host.adapt import AdaptContext, Adapted, FeatureSource, Head
from edgetl.host.backbones import reinitialised, trunk
from edgetl.host.data.dataset import Sample
from edgetl.host.data.stream import stream
from edgetl.host.features import VIEWS, check_views
from edgetl.host.tasks.classify import TASK
from edgetl.host.workspace import Workspace
from edgetl.tensors import Array


class ScratchOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options of ``scratch``."""

    epochs: int = 10
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    views: tuple[str, ...] = ("identity", "hflip")
    """Every training image is shown in one of these, drawn anew in each epoch."""
    stages: tuple[str, ...] | None = ()
    """Stages whose pooled features the head sees besides the last; none by default, as in the published network."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or self.learning_rate <= 0:
            raise ValueError(
                "expected epochs >= 1, batch >= 2 and learning_rate > 0, "
                f"got {self.epochs}, {self.batch} and {self.learning_rate}"
            )


class Scratch:
    """Train the backbone's architecture from random weights: AdamW, one-cycle schedule, the last epoch is kept."""

    name = "scratch"
    options: type[msgspec.Struct] = ScratchOptions

    def adapt(self, context: AdaptContext) -> Adapted:
        """Train all weights on the training split.

        Raises:
            Unsupported: the task is another one than classification.
            EdgeTLError: the loss became NaN or infinite.
        """
        options: ScratchOptions = context.options
        workspace = context.workspace
        if workspace.task != TASK.name:
            raise Unsupported(
                f"method 'scratch' trains for task {TASK.name!r} only, not {workspace.task!r}; use 'linear-probe'"
            )
        check_views(options.views, workspace.preprocess)
        torch.set_num_threads(workspace.threads)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(workspace.seed)
            body = trunk(reinitialised(context.backbone, workspace.seed), options.stages)
            with torch.inference_mode():
                width = body(torch.from_numpy(workspace.blank()[None])).shape[1]
            head = torch.nn.Linear(width, len(workspace.classes))
            losses = _train(torch.nn.Sequential(body, head).train(), workspace, options)
        body.eval()
        weight, bias = head.weight.detach().numpy().copy(), head.bias.detach().numpy().copy()
        return Adapted(trunk=body, head=Head(weight, bias), fitted=None, report={"loss_per_epoch": losses})

    def refit(self, context: AdaptContext, features: FeatureSource, regularisation: float | None) -> None:
        """Trunk and head were trained together; the head stays as it is."""


METHOD = Scratch()


def _train(model: torch.nn.Module, workspace: Workspace, options: ScratchOptions) -> list[float]:
    samples = workspace.splits.train
    steps = options.epochs * (len(samples) // options.batch or 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options.learning_rate, total_steps=steps + 1)
    rng = np.random.default_rng(workspace.seed)
    losses = []
    with workspace.progress.stage("train from scratch", options.epochs * len(samples)) as step:
        for epoch in range(options.epochs):
            total, count = 0.0, 0
            for images, labels, weights in _batches(samples, workspace, options, rng):
                loss = TASK.loss(model(images), labels, weights)
                if not torch.isfinite(loss):
                    raise EdgeTLError(
                        f"the loss became {loss.item()} in epoch {epoch + 1}; "
                        f"lower [adapt] learning_rate ({options.learning_rate})"
                    )
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                total, count = total + loss.item() * len(labels), count + len(labels)
                step.advance(len(labels))
            losses.append(total / count)
    return losses


def _batches(
    samples: tuple[Sample, ...], workspace: Workspace, options: ScratchOptions, rng: np.random.Generator
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    order = rng.permutation(len(samples))
    # a last batch of one would give BatchNorm nothing to normalise with
    order = order[: max(len(order) // options.batch, 1) * options.batch]
    shuffled = [samples[index] for index in order]
    pending: list[tuple[Array, Sample]] = []
    for image, sample in zip(stream(shuffled, workspace.preprocess, threads=workspace.threads), shuffled, strict=True):
        view = options.views[int(rng.integers(len(options.views)))]
        pending.append((np.ascontiguousarray(VIEWS[view](image)), sample))
        if len(pending) == options.batch:
            yield _tensors(pending)
            pending = []
    if len(pending) > 1:
        yield _tensors(pending)


def _tensors(pending: list[tuple[Array, Sample]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    images = torch.from_numpy(np.stack([image for image, _ in pending]))
    labels = torch.tensor([sample.label for _, sample in pending])
    weights = torch.tensor([sample.weight for _, sample in pending], dtype=torch.float32)
    return images, labels, weights
