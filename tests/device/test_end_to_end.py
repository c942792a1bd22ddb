from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgetl.bundle import Bundle
from edgetl.device.end_to_end import EndToEnd
from edgetl.device.tasks import task_of
from edgetl.errors import DataError
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions
from edgetl.tensors import Array, Batch, TensorSpec


def whole(bundle: Bundle) -> EndToEnd:
    manifest = bundle.manifest
    assert manifest.preprocess is not None
    return EndToEnd(manifest.preprocess, task_of(manifest), manifest.classes, bundle.golden().encoded)


def test_few_images_fill_many_inputs_each_in_memory_of_its_own(make_bundle: Callable[..., Bundle]) -> None:
    images = whole(make_bundle()).inputs()
    assert len(images) == 16
    assert len({id(image) for (image,) in images}) == 16
    assert len({image for (image,) in images}) == 4


def test_a_batch_of_images_gives_the_predictions_of_each(make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle()
    way, labels = whole(bundle), bundle.golden().labels
    model = bundle.model("fp32", bundle.path.parent / "models")
    runner = find(BACKENDS, "onnxruntime", "runtime").load(model, LoadOptions(threads=1, batch=None))
    try:
        (one,) = way.predictor(runner)(way.inputs()[1])
        several = way.predictor(runner)(way.inputs(batch=3)[0])
    finally:
        runner.close()
    classes = bundle.manifest.classes
    assert one.label == classes[labels[1]]
    assert [prediction.label for prediction in several] == [classes[label] for label in labels[:3]]


class Recording:
    """Takes any image and remembers what came."""

    inputs = outputs = (TensorSpec("image", "uint8", (None, 8, 8, 3)),)

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def infer(self, feeds: Batch) -> dict[str, Array]:
        self.shapes.append(feeds["image"].shape)
        return {"logits": np.zeros((len(feeds["image"]), 3), np.float32)}

    def close(self) -> None:
        """Nothing is open."""


def test_decoding_is_part_of_every_call(make_bundle: Callable[..., Bundle]) -> None:
    way, runner = whole(make_bundle()), Recording()
    predict = way.predictor(runner)
    predict(way.inputs()[0])
    predict(way.inputs(batch=2)[0])
    assert runner.shapes == [(1, 8, 8, 3), (2, 8, 8, 3)]
    with pytest.raises(DataError):
        predict((b"no image",))
    assert len(runner.shapes) == 2
