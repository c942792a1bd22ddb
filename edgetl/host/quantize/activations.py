"""Activations of a float graph, image by image, as ONNX Runtime computes them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from edgetl.host.graph import write_graph
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions, Runner
from edgetl.tensors import Array


@contextmanager
def exposed(model: onnx.ModelProto, names: tuple[str, ...], threads: int) -> Iterator[Runner]:
    """A runner whose outputs are also the tensors of these names, one image at a time; the model stays as it is."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    have = {output.name for output in copy.graph.output}
    for name in dict.fromkeys(names):
        if name not in have:
            copy.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    with tempfile.TemporaryDirectory(prefix="edgetl-activations-") as folder:
        path = Path(folder) / "exposed.onnx"
        write_graph(copy, path)
        backend: Any = find(BACKENDS, "onnxruntime", "runtime")
        options = LoadOptions(threads=threads, precision="fp32", batch=1, spares_memory=True)
        runner: Runner = backend.load(backend.build(path, options, None), options)
        try:
            yield runner
        finally:
            runner.close()


def activations(
    model: onnx.ModelProto, names: tuple[str, ...], images: Iterable[Array], threads: int
) -> Iterator[dict[str, Array]]:
    """The tensors of these names for each image; nothing is kept from one image to the next."""
    with exposed(model, names, threads) as runner:
        feed = runner.inputs[0].name
        for image in images:
            outputs = runner.infer({feed: np.ascontiguousarray(image)[None]})
            yield {name: outputs.pop(name) for name in names}
