"""Run a Q/DQ graph as another CPU would."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.host.graph import read_graph, write_graph
from edgetl.host.quantize.saturation.columns import columns_of
from edgetl.host.quantize.saturation.compute import IntegerLayer, Isa, Kernels
from edgetl.host.quantize.saturation.layers import QuantizedLayer
from edgetl.host.quantize.saturation.partition import Segment, partition
from edgetl.host.quantize.saturation.products import Saturation
from edgetl.plugins import BACKENDS, find
from edgetl.runner import LoadOptions, Runner
from edgetl.tensors import Array, Batch, Feed, check_feeds, feeds_of

Watch = Callable[[QuantizedLayer, Saturation], None]
"""Is told, per layer and call, what saturation does or would do to the layer's sums."""


class EmulatedRunner:
    """A graph whose integer layers are computed here and whose other nodes ONNX Runtime computes.

    ``infer`` takes and returns what any runner does.
    """

    def __init__(self, model: Path, isa: Isa, kernels: Kernels = "onnxruntime", watch: Watch | None = None) -> None:
        """Load a graph.

        Args:
            model: a Q/DQ graph.
            isa: whose sums go on to the next layer.
            kernels: of which runtime, for CPUs without VNNI.
            watch: called for each layer, whatever the ISA.

        Raises:
            Unsupported: not an ONNX graph, or one that cannot be taken apart.
            MissingExtra: onnxruntime is not installed.
        """
        graph = read_graph(model)
        self._isa, self._watch = isa, watch
        with tempfile.TemporaryDirectory(prefix="edgetl-emulate-") as folder:
            # what cannot be emulated is left to ONNX Runtime, which is asked for the same sums
            is_exact = isa == "vnni"
            whole = _load(model, is_exact)
            self.inputs, self.outputs = whole.inputs, whole.outputs
            whole.close()
            self._steps: list[IntegerLayer | tuple[Segment, Runner]] = []
            for place, step in enumerate(partition(graph)):
                if isinstance(step, Segment):
                    write_graph(step.model, Path(folder) / f"{place}.onnx")
                    self._steps.append((step, _load(Path(folder) / f"{place}.onnx", is_exact)))
                else:
                    self._steps.append(IntegerLayer(step, kernels))

    def infer(self, feeds: Batch) -> dict[str, Array]:
        """Run once."""
        check_feeds(feeds, self.inputs)
        tensors: dict[str, Array] = dict(feeds)
        for step in self._steps:
            if isinstance(step, IntegerLayer):
                tensors[step.layer.output] = self._computed(step, tensors[step.layer.source])
            else:
                segment, runner = step
                tensors.update(runner.infer({name: tensors[name] for name in segment.reads}))
        return {spec.name: tensors[spec.name] for spec in self.outputs}

    def close(self) -> None:
        """Give back what ONNX Runtime holds."""
        for step in self._steps:
            if isinstance(step, tuple):
                step[1].close()

    def _computed(self, step: IntegerLayer, values: Array) -> Array:
        axes = step.layer.axes
        columns, shape = columns_of(step.layer, values if axes is None else values.transpose(axes))
        sums = step.exact(columns)
        if self._watch is not None or self._isa == "avx2":
            saturation = step.saturation(columns)
            if self._watch is not None:
                self._watch(step.layer, saturation)
            if self._isa == "avx2":
                sums = sums + saturation.correction
        return step.written(sums, shape)


def run(
    model: Path,
    samples: Iterable[Feed],
    isa: Isa,
    kernels: Kernels = "onnxruntime",
    watch: Watch | None = None,
) -> Iterator[dict[str, Array]]:
    """The outputs for each sample, in order, as a CPU with (``vnni``) or without VNNI (``avx2``) computes them.

    Args:
        model: a Q/DQ graph.
        samples: what it takes for each.
        kernels: of which runtime, for CPUs without VNNI.
        watch: called for each layer and sample.

    Raises:
        Unsupported: not an ONNX graph, one that cannot be taken apart, or a sample does not fit it.
        MissingExtra: onnxruntime is not installed.
    """
    runner = EmulatedRunner(model, isa, kernels, watch)
    try:
        for sample in samples:
            yield runner.infer(feeds_of(sample, runner.inputs))
    finally:
        runner.close()


def collect(model: Path, samples: Iterable[Feed], isa: Isa, kernels: Kernels = "onnxruntime") -> dict[str, Array]:
    """All outputs of :func:`run`, stacked along the first dimension."""
    rows = list(run(model, samples, isa, kernels))
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _load(model: Path, is_exact: bool) -> Runner:
    backend: Any = find(BACKENDS, "onnxruntime", "runtime")
    runner: Runner = backend.load(model, LoadOptions(1, "int8", batch=None, exact_sums=is_exact))
    return runner
