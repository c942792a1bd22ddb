"""Optimiser and learning rate, from timm."""

from __future__ import annotations

from typing import Any

import torch
from timm.optim._optim_factory import create_optimizer_v2, get_optimizer_info, list_optimizers
from timm.optim._param_groups import param_groups_layer_decay
from timm.scheduler.scheduler import Scheduler
from timm.scheduler.scheduler_factory import create_scheduler_v2

from edgetl.errors import RecipeError
from edgetl.host.training.model import TrainingModel
from edgetl.host.training.options import TrainingOptions


def optimizer_of(model: TrainingModel, options: TrainingOptions, layer_decay: float) -> torch.optim.Optimizer:
    """An optimiser over everything that is trained: the trunk's layers with their decayed rates, and the head.

    Args:
        layer_decay: rate of a layer over the rate of the next one; 1 gives all the same.

    Raises:
        RecipeError: timm knows no such optimiser.

    References:
        Clark, Luong, Le and Manning, "ELECTRA", ICLR 2020 (layer-wise learning-rate decay).
    """
    # optimisers of second order want a graph of the gradient, which no step here keeps
    known = [str(name) for name in list_optimizers() if not get_optimizer_info(str(name)).second_order]
    if options.optimizer.lower() not in known:
        raise RecipeError(f"[adapt] optimizer {options.optimizer!r} is unknown; expected one of: {', '.join(known)}")
    groups: list[dict[str, Any]] = param_groups_layer_decay(
        model.trunk.backbone, weight_decay=options.weight_decay, layer_decay=layer_decay
    )
    rate = options.learning_rate
    # timm counts the classifier, which is not used, as a layer of its own above the trunk's last ones
    largest = max((float(group["lr_scale"]) for group in groups), default=1.0)
    for group in groups:
        group["lr"] = rate
        group["lr_scale"] = float(group["lr_scale"]) / largest
    head = {"lr": options.head_learning_rate or rate}
    groups.append({**head, "params": [model.head.linear.weight], "weight_decay": options.weight_decay})
    groups.append({**head, "params": [model.head.linear.bias], "weight_decay": 0.0})
    try:
        return create_optimizer_v2(groups, opt=options.optimizer, lr=rate, weight_decay=0.0)
    except (TypeError, ValueError, AssertionError) as error:
        raise RecipeError(f"[adapt] optimizer {options.optimizer!r} cannot be used here: {error}") from error


def schedule_of(optimizer: torch.optim.Optimizer, options: TrainingOptions, steps: int) -> Scheduler:
    """The learning rate of every step: a linear rise, then the schedule's way down to nothing.

    Args:
        steps: batches in an epoch.
    """
    scheduler: Scheduler | None
    scheduler, _ = create_scheduler_v2(
        optimizer,
        sched=options.schedule,
        num_epochs=options.epochs,
        warmup_epochs=options.warmup * options.epochs,  # type: ignore[arg-type]
        warmup_lr=0.0,
        min_lr=0.0,
        step_on_epochs=False,
        updates_per_epoch=steps,
    )
    assert scheduler is not None
    return scheduler
