"""EdgeTL as its own user would: ``edgetl prepare`` on the ONNX file, with labels or without, or on a recipe.

Its time counts from where the other tools start: a trained float network and the samples are there, and nothing else.
With the ONNX file its cache is empty. A recipe has no ONNX file to start from, so the cache holds what training and
exporting left in it, and no more: the float network and the features that its head was fitted to. The audit of the
data, ranges, predictions and all of quantization are made in that time.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from answer import Built, Task, answer
from PIL import Image

from edgetl.bundle import Bundle
from edgetl.host.prepare import PrepareRequest, prepare
from edgetl.host.prepare_onnx import OnnxRequest, prepare_onnx
from edgetl.host.user_onnx import InputFormat
from edgetl.progress import Silent
from edgetl.recipe import Recipe

FLOAT_NETWORK = ("adapted", "trunk", "parity", "features", "fastest")
"""Kinds of files in EdgeTL's cache that training the float network leaves: its weights, its graph, that they agree, the
features that its head was fitted to, and in which runtime."""
STARTS_FROM = {
    "recipe": "the trained float network, its graph and the features that its head was trained on, in EdgeTL's cache",
    "labelled": "the float ONNX file and labelled samples, with an empty cache",
    "unlabelled": "the float ONNX file and the calibration samples, with an empty cache",
}


class Lines(Silent):
    def note(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)


def build(task: Task) -> Built:
    options, out, cache = task.options, task.out / "out.edgetl", task.out / "cache"
    way, recipe = options["way"], msgspec.convert(options["recipe"], Recipe)
    if way == "unlabelled":
        recipe = without_labels(recipe, task)
    elif recipe.task.kind == "tensor":
        recipe = with_labels(recipe, task)
    request = PrepareRequest(recipe, Path(options["base"]), out, cache, options["threads"])
    if way == "recipe":
        take_float_network(Path(options["cache"]), cache)
        prepare(request, Lines())
    else:
        prepare_onnx(OnnxRequest(request, task.model, InputFormat()), Lines())
    variants = [variant.name for variant in Bundle.open(out).manifest.variants]
    settings = {"way": way, "starts_from": STARTS_FROM[way], "variants": variants}
    return Built(out, {**settings, **msgspec.to_builtins(recipe.quantize)})


def take_float_network(made: Path, cache: Path) -> None:
    """Bring the float network from the cache in which it was made into an empty one."""
    for kind in FLOAT_NETWORK:
        if (made / kind).is_dir():
            shutil.copytree(made / kind, cache / kind, copy_function=os.link)


def without_labels(recipe: Recipe, task: Task) -> Recipe:
    """The same with the calibration samples as files of a plain folder."""
    folder = task.out / "samples"
    folder.mkdir()
    for index, feeds in enumerate(task.feeds()):
        write_sample(folder / f"{index:04d}", feeds)
    data = msgspec.structs.replace(recipe.data, source=str(folder))
    return msgspec.structs.replace(recipe, data=data, task=msgspec.structs.replace(recipe.task, kind="tensor"))


def with_labels(recipe: Recipe, task: Task) -> Recipe:
    """The same with the calibration and the validation samples as files of class folders; images lie in such already.

    What repeats another one is left out. Of the validation samples, which other tools may control accuracy with, every
    tenth one of a class is for EdgeTL's own report.
    """
    folder, seen = task.out / "samples", set[bytes]()
    for split in ("calibration", "validation"):
        counts: Counter[int] = Counter()
        for index, (feeds, label) in enumerate(zip(task.feeds(split), task.labels(split).tolist(), strict=True)):
            content = b"".join(array.tobytes() for array in feeds.values())
            if content in seen:
                continue
            seen.add(content)
            counts[label] += 1
            part = "train" if split == "calibration" else "test" if counts[label] % 10 == 1 else "validation"
            # classes are folders in the order of their names
            place = folder / part / f"{label:04d}"
            place.mkdir(parents=True, exist_ok=True)
            write_sample(place / f"{index:05d}", feeds)
    data = msgspec.structs.replace(recipe.data, source=str(folder))
    return msgspec.structs.replace(recipe, data=data, task=msgspec.structs.replace(recipe.task, kind="classify"))


def write_sample(path: Path, feeds: Mapping[str, np.ndarray]) -> None:
    """One sample: a picture if the network takes nothing but ``uint8 (1, h, w, 3)``, else an array for each input."""
    first, *others = feeds.values()
    if not others and first.dtype == np.uint8 and first.ndim == 4:
        Image.fromarray(first[0]).save(path.with_suffix(".png"))
    else:
        np.savez(path.with_suffix(".npz"), allow_pickle=False, **feeds)


if __name__ == "__main__":
    raise SystemExit(answer(build, ("onnxruntime", "openvino", "onnx", "torch", "numpy")))
