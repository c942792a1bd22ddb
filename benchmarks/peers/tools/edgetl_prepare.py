"""EdgeTL as its own user would: ``edgetl prepare`` on a recipe, or on the ONNX file with labels or without.

The cache holds what making the float model left there, as for anybody who has a float model already: other tools get
that model too. It is copied, so that every way starts from the same.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import msgspec
from answer import Built, Task, answer
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.host.prepare import PrepareRequest, prepare
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import Recipe


class Lines(Silent):
    def note(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)


def build(task: Task) -> Built:
    options, out, cache = task.options, task.out / "out.edgetl", task.out / "cache"
    shutil.copytree(options["cache"], cache, copy_function=os.link)
    recipe = msgspec.convert(options["recipe"], Recipe)
    if options["way"] == "unlabelled":
        recipe = without_labels(recipe, task)
    request = PrepareRequest(recipe, Path(options["base"]), out, cache, options["threads"])
    if options["way"] == "recipe":
        prepare(request, Lines())
    else:
        prepare_onnx(OnnxRequest(request, task.model, InputFormat()), Lines())
    variants = [variant.name for variant in Bundle.open(out).manifest.variants]
    return Built(out, {"way": options["way"], "variants": variants, **msgspec.to_builtins(recipe.quantize)})


def without_labels(recipe: Recipe, task: Task) -> Recipe:
    """The same with the calibration images as a plain folder."""
    folder = task.out / "images"
    folder.mkdir()
    for index, feeds in enumerate(task.feeds()):
        (pixels,) = feeds.values()
        Image.fromarray(pixels[0]).save(folder / f"{index:04d}.png")
    data = msgspec.structs.replace(recipe.data, source=str(folder))
    return msgspec.structs.replace(recipe, data=data, task=msgspec.structs.replace(recipe.task, kind="tensor"))


if __name__ == "__main__":
    raise SystemExit(answer(build, ("onnxruntime", "openvino", "onnx", "torch", "numpy")))
