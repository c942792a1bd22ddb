"""Run a float graph once over training samples and watch its activations."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from edgetl.errors import DataError, Unsupported
from edgetl.host.graph import backbone_digest, read_graph, weights_of
from edgetl.host.naming import names_read
from edgetl.host.quantize.activations import exposed
from edgetl.host.quantize.histogram import Observer
from edgetl.host.quantize.record import CalibrationRecord, Estimator
from edgetl.host.quantize.rules.view import LAYERS, SHAPING, View, attributes_of
from edgetl.host.quantize.unfinished import EVERY, Unfinished, read_unfinished
from edgetl.progress import Progress, Silent
from edgetl.runner import Runner
from edgetl.tensors import Array, Feed, feed_sha256, feeds_of

MIN_IMAGES = 16
"""Fewer different samples than this say too little about ranges."""

QUANTIZABLE = frozenset(
    "Add AveragePool Clip Concat Conv ConvTranspose Gemm GlobalAveragePool MatMul MaxPool Mul Relu".split()  # noqa: SIM905
)
"""Operators whose inputs and outputs a rendering may quantize; only these tensors are watched."""
_CHANNELS: Mapping[str, int] = {"Gemm": -1, "MatMul": -1, "Conv": 1}
"""Operators whose weights quantization may shift, and the axis of their input along which these are summed up."""
_CLIPPING = frozenset(("Relu", "Clip"))


@dataclass(frozen=True)
class CalibrationSettings:
    """How to calibrate; ``threads`` are the runtime's."""

    threads: int = 1
    estimator: Estimator = "percentile"
    progress: Progress = field(default_factory=Silent)
    total: int | None = None
    """Number of samples, for progress, where it is known."""
    unfinished: Path | None = None
    """Where what was seen is kept every 50 samples; a calibration that was stopped goes on from there. Needs the same
    samples in the same order, and is removed in the end."""


def calibrate(model: Path, samples: Iterable[Feed], settings: CalibrationSettings | None = None) -> CalibrationRecord:
    """Observe the activations of a float graph.

    Each sample runs alone, so neither batching nor order changes the record, and memory is that of one sample's
    activations.

    Args:
        model: a float ONNX graph.
        samples: what it takes for each, preprocessed.

    Raises:
        DataError: fewer than 16 different samples, NaN or infinite activations (the message names the tensor), or
            others than those that the calibration to go on with saw.
        Unsupported: the graph is quantized, or a sample does not fit its inputs.
    """
    settings = settings or CalibrationSettings()
    graph = read_graph(model)
    digest, watched = backbone_digest(graph), watched_tensors(graph)
    sight = _sight(digest, watched, settings.unfinished)
    with exposed(graph, tuple(watched), settings.threads) as runner:
        _observe(runner, samples, sight, settings)
    digests = sight.digests
    if settings.unfinished is not None:
        settings.unfinished.unlink(missing_ok=True)
    if len(set(digests)) < MIN_IMAGES:
        raise DataError(
            f"calibration got {len(digests)} samples, {len(set(digests))} of them different; "
            f"expected at least {MIN_IMAGES} different training samples; give more"
        )
    return CalibrationRecord(
        graph_sha256=digest,
        images_sha256=hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        images=len(digests),
        estimator=settings.estimator,
        tensors={name: observer.seen() for name, observer in sight.observers.items()},
    )


def watched_tensors(model: onnx.ModelProto) -> dict[str, int | None]:
    """Float activations that a rendering may quantize, in the order of the graph, and the axis of channels to watch.

    A tensor that only a ReLU or Clip reads is left out: it is never quantized apart from that activation's output. So
    is what a sum in front of a Softmax reads and makes, or one that no layer is before: no rendering quantizes it, and
    masks of attention are minus infinity there.

    Raises:
        Unsupported: the graph is quantized already.
    """
    nodes = tuple(model.graph.node)
    if any(node.op_type in ("QuantizeLinear", "DequantizeLinear", "QLinearConv") for node in nodes):
        raise Unsupported("the graph is quantized already; calibrate the float graph it was made from")
    floats, constants = float_tensors(model), weights_of(model)
    masked = _before_softmax(nodes)
    masked |= _before_layers(nodes)
    watched = [
        node
        for node in nodes
        if node.op_type in QUANTIZABLE and not (node.op_type == "Add" and node.output[0] in masked)
    ]
    names = dict.fromkeys(name for node in watched for name in (*node.input, *node.output))
    hidden = before_clipping(model)
    channels = channels_of(model)
    return {
        name: channels.get(name) for name in names if name in floats and name not in constants and name not in hidden
    }


def _before_softmax(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """What a Softmax reads, also where it is only shaped before."""
    producers = {name: node for node in nodes for name in node.output}
    found = set()
    for node in nodes:
        name = node.input[0] if node.op_type == "Softmax" else ""
        while name in producers and producers[name].op_type in SHAPING:
            name = producers[name].input[0]
        found.add(name)
    return found - {""}


def _before_layers(nodes: Sequence[onnx.NodeProto]) -> set[str]:
    """Results that no layer has a part in; nodes are in order, as ONNX demands."""
    behind, before = set[str](), set[str]()
    for node in nodes:
        is_behind = node.op_type in LAYERS or bool(behind & set(names_read(node)))
        (behind if is_behind else before).update(node.output)
    return before


def channels_of(model: onnx.ModelProto) -> dict[str, int]:
    """Axes of the channels of what layers with constant weights read; their means say what rounding shifts.

    Of a tensor that both a convolution and a product read, the axis is the convolution's.
    """
    constants = weights_of(model)
    layers = [node for node in model.graph.node if node.op_type in _CHANNELS and node.input[1] in constants]
    axes = [(node.input[0], axis) for node in layers if (axis := channel_axis(node)) is not None]
    # of two axes the last one stays, which is the convolution's
    return dict(sorted(axes, key=lambda entry: entry[1]))


def channel_axis(layer: onnx.NodeProto) -> int | None:
    """Which axis of its input a layer sums up with its weights; ``None`` for what is no layer, or transposes it."""
    return None if attributes_of(layer).get("transA") else _CHANNELS.get(layer.op_type)


def before_clipping(model: onnx.ModelProto) -> dict[str, str]:
    """Tensors whose only reader is a ReLU or Clip, with what comes out behind the last of these in a row."""
    view = View.of(model)
    inputs = {value.name for value in model.graph.input}
    found: dict[str, str] = {}
    # backwards, so that what comes behind a node is known before it
    for node in reversed(model.graph.node):
        if node.op_type in _CLIPPING and node.input[0] not in inputs and view.only_reader(node.input[0]) is not None:
            found[node.input[0]] = found.get(node.output[0], node.output[0])
    return found


def float_tensors(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the activations that are fp32."""
    constants = weights_of(model)
    types = element_types(model)
    return frozenset(name for name, kind in types.items() if kind == onnx.TensorProto.FLOAT and name not in constants)


def element_types(model: onnx.ModelProto) -> dict[str, int]:
    """What the numbers of every tensor are, as in ``onnx.TensorProto``; those that ONNX cannot infer are missing."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.input, *graph.output, *graph.value_info)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    types.update((tensor.name, tensor.data_type) for tensor in graph.initializer)
    return {name: kind for name, kind in types.items() if kind != onnx.TensorProto.UNDEFINED}


@dataclass(frozen=True)
class _Sight:
    """What was seen so far, and on which samples."""

    graph_sha256: str
    observers: Mapping[str, Observer]
    digests: list[str]

    def save(self, path: Path) -> None:
        tensors = {name: observer.watched for name, observer in self.observers.items()}
        Unfinished(self.graph_sha256, tuple(self.digests), tensors).save(path)


def _sight(graph_sha256: str, watched: Mapping[str, int | None], kept: Path | None) -> _Sight:
    """What an earlier run had seen when it was stopped; nothing without one."""
    earlier = None if kept is None else read_unfinished(kept, graph_sha256, frozenset(watched))
    if earlier is None:
        return _Sight(graph_sha256, {name: Observer(name, channels) for name, channels in watched.items()}, [])
    observers = {name: Observer.going_on(name, watched[name], earlier.tensors[name]) for name in watched}
    return _Sight(graph_sha256, observers, list(earlier.digests))


def _observe(runner: Runner, samples: Iterable[Feed], sight: _Sight, settings: CalibrationSettings) -> None:
    seen, given = len(sight.digests), 0
    with settings.progress.stage("calibrate", settings.total) as step:
        for given, sample in enumerate(samples, start=1):
            digest = feed_sha256(sample)
            if given <= seen:
                _check_same(digest == sight.digests[given - 1], settings)
            else:
                _watch(runner.infer(feeds_of(sample, runner.inputs)), sight.observers)
                sight.digests.append(digest)
                if settings.unfinished is not None and len(sight.digests) % EVERY == 0:
                    sight.save(settings.unfinished)
            step.advance()
    _check_same(given >= seen, settings)


def _watch(outputs: dict[str, Array], observers: Mapping[str, Observer]) -> None:
    """Each tensor is let go as soon as it is counted, so that two samples are never held at once."""
    for name, observer in observers.items():
        observer.update(outputs.pop(name))


def _check_same(is_same: bool, settings: CalibrationSettings) -> None:
    """Begin anew next time where the samples are not those that were seen, or end before them."""
    if not is_same and settings.unfinished is not None:
        settings.unfinished.unlink(missing_ok=True)
        raise DataError(
            f"the calibration that {str(settings.unfinished)!r} was to go on with saw other samples; "
            "it is removed: calibrate again from the start"
        )
