"""From encoded images to predictions: decoding, resizing, inference, and what follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgetl.device.feeds import turns
from edgetl.device.tasks import DeviceTask
from edgetl.preprocess import Preprocess
from edgetl.runner import Runner


@dataclass(frozen=True)
class EndToEnd:
    """What a bundle knows of the way from its encoded golden images to predictions."""

    preprocess: Preprocess
    task: DeviceTask
    classes: tuple[str, ...]
    encoded: tuple[bytes, ...]
    """At least one image, as it came."""

    def inputs(self, batch: int = 1, room: int | None = None) -> tuple[tuple[bytes, ...], ...]:
        """Images in batches that take turns, each in memory of its own; few images come more than once.

        ``room`` is how many batches there is memory for; ``None`` is as many as are wanted.
        """
        # bytes of bytes would be the same object
        return tuple(
            tuple(bytes(bytearray(self.encoded[place])) for place in places)
            for places in turns(len(self.encoded), batch, room)
        )

    def predictor(self, runner: Runner) -> Callable[[Sequence[bytes]], object]:
        """A call that takes a batch of encoded images and returns a prediction for each."""
        name = runner.inputs[0].name

        def predict(images: Sequence[bytes]) -> object:
            pixels = [self.preprocess.apply(image) for image in images]
            # one image is not copied for a batch that it is alone in
            feeds = {name: pixels[0][None] if len(pixels) == 1 else np.stack(pixels)}
            return self.task.predictions(runner.infer(feeds), self.classes)

        return predict
