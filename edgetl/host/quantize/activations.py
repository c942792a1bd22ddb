"""Activations of a float graph, sample by sample, as ONNX Runtime computes them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx

from edgetl.host.graph import write_graph
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions, Runner
from edgetl.tensors import Array, Feed, feeds_of


@contextmanager
def exposed(model: onnx.ModelProto, names: tuple[str, ...], threads: int) -> Iterator[Runner]:
    """A runner whose outputs are also the tensors of these names, one sample at a time; the model stays as it is."""
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
        options = LoadOptions(threads=threads, precision="fp32", batch=1, spares_memory=True, exact_sums=True)
        runner: Runner = backend.load(backend.build(path, options, None), options)
        try:
            yield runner
        finally:
            runner.close()


def activations(
    model: onnx.ModelProto, names: tuple[str, ...], samples: Iterable[Feed], threads: int
) -> Iterator[dict[str, Array]]:
    """The tensors of these names for each sample; nothing is kept from one sample to the next."""
    with exposed(model, names, threads) as runner:
        for sample in samples:
            outputs = runner.infer(feeds_of(sample, runner.inputs))
            yield {name: outputs.pop(name) for name in names}
