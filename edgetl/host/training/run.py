"""One training run: begun before, it is gone on with; what is frozen is proven unchanged."""

from __future__ import annotations

import shutil
import time
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch

from edgetl.errors import EdgeTLError
from edgetl.host.adapt import AdaptContext
from edgetl.host.backbones import trunk_features
from edgetl.host.data.stream import stream
from edgetl.host.export import module_digest
from edgetl.host.fingerprint import decoding, machinery
from edgetl.host.tasks import HostTask
from edgetl.host.training import model as models
from edgetl.host.training.checkpoint import Checkpoint, Standing
from edgetl.host.training.layers import thawed
from edgetl.host.training.loop import Plan, Trainer
from edgetl.host.training.machine import Machine, arithmetic, machine, prepared
from edgetl.host.training.model import TrainingModel
from edgetl.host.training.tail import Records, Tail
from edgetl.plugins import find_task
from edgetl.report import numbers

_RECORDS_BYTES_MAX = 4 * 10**9
_RECORDS_SHARE_MAX = 0.5
"""Of what is free on the cache's disk."""


@dataclass(frozen=True)
class Start:
    """What training starts from."""

    model: TrainingModel
    layer_decay: float = 1.0
    gradual: bool = False
    counts: bool = False
    """Whether the untrained model may be the best."""


def trained(context: AdaptContext, start: Start) -> tuple[TrainingModel, dict[str, Any]]:
    """Train, and prove that what is frozen stayed as it was.

    Returns:
        the model in evaluation mode on the CPU, and a report of the training.

    Raises:
        EdgeTLError: the loss became NaN or infinite, or a frozen tensor changed.
    """
    workspace, options = context.workspace, context.options
    task, where = find_task(workspace.task, "host"), machine(options.precision)
    before = models.digest(start.model.constants())
    report = _train(context, start, task, where)
    after = models.digest(start.model.constants())
    if before != after:
        raise EdgeTLError("training changed tensors that are frozen; nothing was written; report this with the recipe")
    constants = start.model.constants()
    frozen = {
        "tensors": len(constants),
        "values": sum(tensor.numel() for tensor in constants.values()),
        "sha256_before": before,
        "sha256_after": after,
    }
    return start.model, {**report, "frozen": frozen}


def _train(context: AdaptContext, start: Start, task: HostTask, where: Machine) -> dict[str, Any]:
    workspace, options = context.workspace, context.options
    gradual: tuple[frozenset[str], ...] = ()
    if start.gradual:
        gradual = tuple(
            thawed(context.backbone, start.model.frozen, epoch, options.epochs) for epoch in range(options.epochs)
        )
    began = time.perf_counter()
    checkpoint = Checkpoint(workspace.cache.path("training", _key(context, start), ".pt"))
    if context.again:
        checkpoint.forget_finished()
    with torch.random.fork_rng(devices=[]), prepared(start.model, where, workspace.threads):
        records = _records(context, start, where, checkpoint.path.parent)
        plan = Plan(workspace, options, task, where, start.layer_decay, gradual, records, start.counts)
        trainer = Trainer(start.model, plan, checkpoint)
        with nullcontext() if records is None else closing(records):
            standing = trainer.run()
    images = trainer.feed.images
    workspace.progress.note(
        f"trained on {images} images for {numbers.significant(trainer.seen / images)} epochs "
        f"in {time.perf_counter() - began:.0f} s on {where.device.type}; kept epoch {standing.best_epoch} "
        f"of {len(standing.curve)}, validation loss {numbers.significant(standing.best_loss)}"
    )
    behind = None if records is None else records.tail.stage
    return {**_report(standing, start.model, where), "kept_activations_of": behind}


def _records(context: AdaptContext, start: Start, where: Machine, folder: Path) -> Records | None:
    """Where to keep what frozen stages give; ``None`` where these see more than views, or would fill the disk.

    A frozen stem alone is no reason: its maps are the largest of all, and it is cheap to compute.
    """
    workspace, options = context.workspace, context.options
    augment = options.augment
    is_plain = augment.crop == 1 and not (augment.brightness or augment.contrast or augment.mixup)
    is_wanted = options.keep_activations and getattr(options, "last_stages", None) is not None
    if not is_wanted or not is_plain or where.device.type != "cpu" or where.mixed:
        return None
    names = tuple(stage.name for stage in context.backbone.stages)
    chosen = tuple(name for name, _ in trunk_features(context.backbone, options.stages) if name in names)
    images = np.stack(list(stream(workspace.splits.train[:2], workspace.preprocess, threads=workspace.threads)))
    try:
        tail = Tail(start.model, names, chosen, images)
    except ValueError as error:
        workspace.progress.note(f"activations of frozen stages are not kept: {error}")
        return None
    count = len(workspace.splits.train) * len(augment.views)
    size, room = count * tail.record(images[0]).nbytes, shutil.disk_usage(folder).free * _RECORDS_SHARE_MAX
    if size > min(_RECORDS_BYTES_MAX, room):
        workspace.progress.note(
            f"activations of {tail.stage!r} are not kept: {numbers.megabytes(size)} would be too much disk"
        )
        return None
    shown = numbers.megabytes(size)
    workspace.progress.note(f"activations of {tail.stage!r} are kept: up to {shown} of disk while training")
    return Records(tail, folder, count)


def _report(standing: Standing, model: TrainingModel, where: Machine) -> dict[str, Any]:
    return {
        "curve": standing.curve,
        "best_epoch": standing.best_epoch,
        "start": {"validation_loss": standing.start_loss, "validation_accuracy": standing.start_accuracy},
        "trained_values": sum(p.numel() for name, p in model.named_parameters() if _is_trained(name, model)),
        "device": where.device.type,
        "precision": "bf16 mixed" if where.mixed else "fp32",
        "batchnorm": model.batchnorm,
    }


def _is_trained(name: str, model: TrainingModel) -> bool:
    return name.removeprefix("trunk.backbone.") not in model.frozen


def _key(context: AdaptContext, start: Start) -> dict[str, object]:
    """Everything that changes the trained weights."""
    workspace = context.workspace
    model = start.model
    return {
        "model": module_digest(model),
        "frozen": sorted(model.frozen),
        "options": msgspec.to_builtins(context.options),
        "start": [start.layer_decay, start.gradual, start.counts],
        "task": workspace.task,
        "data": [
            [[sample.sha256, sample.truth, sample.weight] for sample in samples]
            for samples in (workspace.splits.train, workspace.splits.validation)
        ],
        "decoding": decoding(workspace.preprocess),
        "seed": workspace.seed,
        "arithmetic": arithmetic(context),
        **machinery(),
    }
