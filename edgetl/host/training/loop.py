"""The training loop: epochs, validation after each, the best one kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from timm.scheduler.scheduler import Scheduler
from timm.utils.model_ema import ModelEmaV3

from edgetl.errors import EdgeTLError
from edgetl.host.data.stream import stream
from edgetl.host.tasks import HostTask
from edgetl.host.training.batches import Feed
from edgetl.host.training.checkpoint import Checkpoint, Standing, State
from edgetl.host.training.events import Events, NoEvents, events_in
from edgetl.host.training.machine import Machine
from edgetl.host.training.model import TrainingModel
from edgetl.host.training.optimise import optimizer_of, schedule_of
from edgetl.host.training.options import TrainingOptions
from edgetl.host.training.tail import Records
from edgetl.host.workspace import Workspace
from edgetl.progress import Step

_EVALUATION_BATCH = 32


@dataclass(frozen=True)
class Plan:
    """How one model is trained on one workspace's data."""

    workspace: Workspace
    options: TrainingOptions
    task: HostTask
    machine: Machine
    layer_decay: float = 1.0
    gradual: tuple[frozenset[str], ...] = ()
    """Parameters that train in each epoch; all that are not frozen when empty."""
    records: Records | None = None
    """Rows of a tail, when the frozen stages see no augmentation but views."""
    start_counts: bool = False
    """Whether the untrained model is itself a candidate for the best (a fitted head is, a random one is not)."""


class Trainer:
    """One training run, which may have been begun by another process."""

    def __init__(self, model: TrainingModel, plan: Plan, checkpoint: Checkpoint) -> None:
        """Take the model as it is at the start; nothing is read or written yet."""
        self.model, self.plan, self.checkpoint = model, plan, checkpoint
        self.events: Events = NoEvents()
        options, samples = plan.options, plan.workspace.splits
        truth = plan.workspace.truth(samples.train)
        self.feed = Feed(plan.workspace, options, plan.task.targets(truth, len(plan.workspace.classes)), plan.records)
        self.optimizer = optimizer_of(model, options, plan.layer_decay)
        self.schedule: Scheduler = schedule_of(self.optimizer, options, self.feed.steps)
        self.average = None if options.ema is None else ModelEmaV3(model, decay=options.ema, use_warmup=True)
        self.standing, self.best = Standing(), _copy(model.state_dict())
        self.seen = 0
        """Images that this process trained on; an earlier one's are not among them."""

    def run(self) -> Standing:
        """Train to the end, or until validation says stop; the model holds the best epoch's weights afterwards.

        Raises:
            EdgeTLError: the loss became NaN or infinite.
        """
        options, standing = self.plan.options, self._resumed()
        total, done = options.epochs * self.feed.steps, standing.epoch * self.feed.steps + standing.step
        self.events = events_in(self.plan.workspace.events, done)
        with self.plan.workspace.progress.stage("train", total * options.batch) as step:
            step.advance(done * options.batch)
            if standing.epoch == standing.step == 0 and not standing.curve:
                self._judge(0.0)
            while not self._is_over():
                self._epoch(step)
        self.events.close()
        # a run that is killed before its weights are kept elsewhere finds them here
        self.checkpoint.save(standing, {"best": self.best})
        self.model.load_state_dict(self.best)
        self.model.eval()
        return standing

    def _epoch(self, progress: Step) -> None:
        standing = self.standing
        self.model.train()
        if self.plan.gradual:
            self._thaw(self.plan.gradual[standing.epoch])
        for batch in self.feed.epoch(standing.epoch, standing.step):
            update = standing.epoch * self.feed.steps + standing.step
            loss = self.update(batch.images, batch.targets, batch.weights, update)
            standing.loss_sum += loss
            standing.step += 1
            self.events.scalar("train/loss", loss, update)
            if self.checkpoint.due:
                self._save()
            self.seen += len(batch.weights)
            progress.advance(len(batch.weights))
        mean = standing.loss_sum / self.feed.steps
        standing.epoch, standing.step, standing.loss_sum = standing.epoch + 1, 0, 0.0
        self._judge(mean)
        self._save()

    def update(self, images: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, update: int) -> float:
        """One step on one batch; returns its loss.

        Args:
            update: how many steps came before.
        """
        where, options = self.plan.machine, self.plan.options
        self.schedule.step_update(update + 1)
        # dropout and drop path draw from torch's own generator; seeded by the step, they are the same after a restart
        torch.manual_seed(int(np.random.default_rng((self.plan.workspace.seed, update)).integers(2**31)))
        with where.autocast():
            logits = self._logits(images)
        loss = self.plan.task.loss(logits.float(), targets.to(where.device), weights.to(where.device))
        value = float(loss.item())
        if not np.isfinite(value):
            raise EdgeTLError(
                f"the loss became {value} in epoch {self.standing.epoch + 1}; "
                f"lower [adapt] learning_rate ({options.learning_rate:g}), or set clip"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if options.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), options.clip)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(self.model, update + 1)
        return value

    def _logits(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.plan.records is not None:
            return self.plan.records.tail(inputs)
        logits: torch.Tensor = self.model(inputs.to(self.plan.machine.device, non_blocking=True))
        return logits

    def _judge(self, train_loss: float) -> None:
        """Validate, and remember the weights if they are the best so far."""
        standing = self.standing
        judged = self._judged()
        loss, accuracy = self._validation(judged)
        if standing.epoch == 0:
            standing.start_loss, standing.start_accuracy = loss, accuracy
            if self.plan.start_counts:
                standing.best_loss = loss
            return
        rate = float(self.optimizer.param_groups[-1]["lr"])
        trunk_rate = max(
            float(group["lr"]) for group in self.optimizer.param_groups[:-2] or self.optimizer.param_groups
        )
        standing.curve.append(
            {
                "epoch": standing.epoch,
                "train_loss": train_loss,
                "validation_loss": loss,
                "validation_accuracy": accuracy,
                "learning_rate": trunk_rate,
                "head_learning_rate": rate,
            }
        )
        for name in ("train_loss", "validation_loss", "validation_accuracy", "learning_rate"):
            self.events.scalar(f"epoch/{name}", standing.curve[-1][name], standing.epoch)
        if loss < standing.best_loss:
            standing.best_loss, standing.best_epoch = loss, standing.epoch
            self.best = _copy(judged.state_dict())

    def _judged(self) -> TrainingModel:
        return self.model if self.average is None else self.average.module

    def _validation(self, model: TrainingModel) -> tuple[float, float]:
        """Mean loss and score on the validation split, every sample counting the same."""
        samples = self.plan.workspace.splits.validation
        logits = torch.from_numpy(logits_of(model, self.plan.workspace, self.plan.machine))
        workspace = self.plan.workspace
        targets = torch.from_numpy(self.plan.task.targets(workspace.truth(samples), len(workspace.classes)))
        loss = self.plan.task.loss(logits, targets, torch.ones(len(samples)))
        return float(loss.item()), self.plan.task.score(logits, targets)

    def _is_over(self) -> bool:
        standing, options = self.standing, self.plan.options
        is_idle = options.patience is not None and standing.epoch - standing.best_epoch >= options.patience
        return is_idle or standing.epoch >= options.epochs

    def _thaw(self, names: frozenset[str]) -> None:
        for name, parameter in self.model.trunk.backbone.named_parameters():
            parameter.requires_grad_(name in names)

    def _save(self) -> None:
        tensors: State = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "average": None if self.average is None else self.average.module.state_dict(),
        }
        self.checkpoint.save(self.standing, tensors)

    def _resumed(self) -> Standing:
        found = self.checkpoint.load()
        if found is not None:
            self.standing, tensors = found
            self.best = tensors["best"]
        if found is not None and not self._is_over():
            self.model.load_state_dict(tensors["model"])
            self.optimizer.load_state_dict(tensors["optimizer"])
            if self.average is not None:
                self.average.module.load_state_dict(tensors["average"])
            done = self.standing.epoch + self.standing.step / self.feed.steps
            self.plan.workspace.progress.note(f"training goes on after {done:.1f} of {self.plan.options.epochs} epochs")
        return self.standing


def logits_of(model: TrainingModel, workspace: Workspace, where: Machine) -> NDArray[np.float32]:
    """Logits ``(n, classes)`` of the validation split, in fp32."""
    was_training, found, pending = model.training, [], []
    model.eval()
    samples = workspace.splits.validation
    with torch.inference_mode():
        for image in stream(samples, workspace.preprocess, threads=workspace.threads):
            pending.append(image)
            if len(pending) == _EVALUATION_BATCH:
                found.append(model(torch.from_numpy(np.stack(pending)).to(where.device)).float().cpu().numpy())
                pending = []
        if pending:
            found.append(model(torch.from_numpy(np.stack(pending)).to(where.device)).float().cpu().numpy())
    model.train(was_training)
    return np.concatenate(found)


def _copy(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}
