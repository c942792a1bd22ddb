"""ONNX graphs as values: swap the head, show the features, describe the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper
from onnx.external_data_helper import uses_external_data

from edgetl.artifact import Artifact, sha256_of
from edgetl.errors import Unsupported
from edgetl.files import write_bytes
from edgetl.host import operations
from edgetl.host.naming import fresh_name, names_read, rename_tensors, tensor_names
from edgetl.host.specs import spec_of
from edgetl.host.weight_bytes import weight_bytes

if TYPE_CHECKING:
    from edgetl.host.adapt import Head
    from edgetl.target import Precision

FEATURES = "features"
LOGITS = "logits"
HEAD = "head"
"""Name of the node that turns features into logits, in every rendering."""
_MATRIX = frozenset(("Gemm", "MatMul", "Conv"))


def attach_head(trunk: Path, head: Head, out: Path) -> None:
    """Append ``logits = features @ weight.T + bias`` and make ``logits`` the only output.

    Args:
        trunk: a graph whose only output is ``features``, float32 ``(n, features)``.
        head: ``weight`` is ``(classes, features)``.

    Raises:
        Unsupported: the trunk has other outputs, or another number of features than the head.
    """
    model = read_graph(trunk)
    outputs = [output.name for output in model.graph.output]
    if outputs != [FEATURES]:
        raise Unsupported(
            f"a trunk's only output is {FEATURES!r}, this one has {', '.join(outputs)}; export it without a head"
        )
    width = spec_of(model.graph.output[0]).shape[-1]
    if width not in (None, head.weight.shape[1]):
        raise Unsupported(
            f"the head takes {head.weight.shape[1]} features, the trunk makes {width}; fit the head on this trunk"
        )
    _append_head(model, head)
    write_graph(model, out)


def replace_head(model: Path, head: Head, out: Path) -> None:
    """Write the same graph with another head; every other node and weight stays as it is.

    Raises:
        Unsupported: the graph has no head, or one for another number of features.
    """
    graph = read_graph(model)
    _, old = _take_head(graph)
    if old is not None and old.shape[1] != head.weight.shape[1]:
        raise Unsupported(
            f"the head takes {head.weight.shape[1]} features, the graph makes {old.shape[1]}; fit it on this graph"
        )
    _append_head(graph, head)
    write_graph(graph, out)


def expose_features(model: Path, out: Path) -> None:
    """Write the same graph without its head, ``features`` being the only output.

    Raises:
        Unsupported: the graph has no head.
    """
    graph = read_graph(model)
    features, weight = _take_head(graph)
    width = None if weight is None else weight.shape[1]
    del graph.graph.output[:]
    graph.graph.output.append(helper.make_tensor_value_info(features, onnx.TensorProto.FLOAT, [_batch(graph), width]))
    write_graph(graph, out)


def artifact_from(
    path: Path, file: str, rendering: str, precision: Precision, sizes: Mapping[str, tuple[int, ...]] | None = None
) -> Artifact:
    """Describe an ONNX file.

    Args:
        file: its path inside the bundle or folder, with ``/``.
        sizes: shapes of inputs of one sample, to count operations by; without them a free size besides the batch
            leaves their number unknown.

    Raises:
        Unsupported: not an ONNX graph, weights in other files, or an input or output of a type that EdgeTL cannot
            carry.
    """
    if keeps_weights_beside(path):
        raise Unsupported(f"model {path.name!r} keeps weights in other files; save it as one file")
    model = read_graph(path)
    weights = {initializer.name for initializer in model.graph.initializer}
    return Artifact(
        file=file,
        format="onnx",
        rendering=rendering,
        precision=precision,
        inputs=tuple(spec_of(value) for value in model.graph.input if value.name not in weights),
        outputs=tuple(spec_of(value) for value in model.graph.output),
        operations=operations.of_one_sample(model, sizes),
        weight_bytes=weight_bytes(model),
        size_bytes=path.stat().st_size,
        sha256=sha256_of(path),
    )


def head_nodes(model: onnx.ModelProto) -> frozenset[str]:
    """Names of the nodes from the last matrix product to the output: what stays in float.

    Where a sum adds what came before that product to it, as around every block of a transformer, what came before is
    not of the head.
    """
    producers = {output: node for node in model.graph.node for output in node.output}
    found: set[str] = set()
    for output in model.graph.output:
        reached = _before((output.name,), producers, _MATRIX)
        last = {name: node for name, node in reached.items() if node.op_type in _MATRIX}
        earlier = _before([name for node in last.values() for name in node.input], producers, frozenset())
        found |= reached.keys() - earlier.keys()
    return frozenset(found)


def backbone_digest(model: onnx.ModelProto) -> str:
    """SHA-256 of a graph's nodes, weights and inputs, without the head and without names of outputs."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    if any(node.name == HEAD for node in copy.graph.node):
        _take_head(copy)
    del copy.graph.output[:], copy.graph.value_info[:]
    _strip(copy)
    return hashlib.sha256(copy.graph.SerializeToString(deterministic=True)).hexdigest()


def keeps_weights_beside(path: Path) -> bool:
    """Whether an ONNX file leaves weights in other files.

    Raises:
        Unsupported: missing, or not an ONNX graph.
    """
    return any(uses_external_data(tensor) for tensor in read_structure(path).graph.initializer)


def whole_sha256(path: Path) -> str:
    """SHA-256 of an ONNX file; of the one file it would be, when it keeps weights beside itself."""
    if not keeps_weights_beside(path):
        return sha256_of(path)
    return hashlib.sha256(read_graph(path).SerializeToString(deterministic=True)).hexdigest()


def read_graph(path: Path) -> onnx.ModelProto:
    """Read an ONNX file with the weights it keeps beside itself.

    Raises:
        Unsupported: missing, or not an ONNX graph.
    """
    return _load(path, True)


def read_structure(path: Path) -> onnx.ModelProto:
    """Read an ONNX file without the weights it keeps beside itself.

    Raises:
        Unsupported: missing, or not an ONNX graph.
    """
    return _load(path, False)


def write_graph(model: onnx.ModelProto, out: Path) -> None:
    """Write one file, atomically; equal graphs give equal bytes.

    What exporters note for debugging (source lines, paths of the machine) is left out: it differs between machines
    and tells about them.
    """
    _strip(model)
    data = model.SerializeToString(deterministic=True)
    write_bytes(out, data)


def sort_nodes(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with every node after those it reads from and otherwise in its order; changed in place."""
    nodes = tuple(model.graph.node)
    producer = {name: index for index, node in enumerate(nodes) for name in node.output}
    done: dict[int, None] = {}
    for index in range(len(nodes)):
        waiting = [index]
        while waiting:
            missing = {producer[name] for name in names_read(nodes[waiting[-1]]) if name in producer} - done.keys()
            if missing:
                waiting.append(min(missing))
            else:
                done[waiting.pop()] = None
    ordered = [nodes[index] for index in done]
    del model.graph.node[:]
    model.graph.node.extend(ordered)
    return model


def weights_of(model: onnx.ModelProto) -> Mapping[str, onnx.TensorProto]:
    """The constant tensors of a graph by name."""
    return {initializer.name: initializer for initializer in model.graph.initializer}


def _append_head(model: onnx.ModelProto, head: Head) -> None:
    graph = model.graph
    weight, bias = np.asarray(head.weight, np.float32), np.asarray(head.bias, np.float32)
    graph.initializer.append(numpy_helper.from_array(weight, f"{HEAD}.weight"))
    graph.initializer.append(numpy_helper.from_array(bias, f"{HEAD}.bias"))
    graph.node.append(helper.make_node("Gemm", [FEATURES, f"{HEAD}.weight", f"{HEAD}.bias"], [LOGITS], HEAD, transB=1))
    batch = _batch(model)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(LOGITS, onnx.TensorProto.FLOAT, [batch, len(bias)]))


def _take_head(model: onnx.ModelProto) -> tuple[str, Any]:
    """Remove the head; returns the name of the tensor it read (always ``features`` after this) and its weight.

    The weight is ``(classes, features)``, however the node has it.
    """
    graph = model.graph
    node = next((node for node in graph.node if node.name == HEAD), None)
    if node is None:
        raise Unsupported(f"the graph has no node {HEAD!r}; only graphs that EdgeTL exported have a head to replace")
    weight = weights_of(model).get(node.input[1])
    graph.node.remove(node)
    _rename(graph, node.input[0], FEATURES)
    used = {name for other in graph.node for name in names_read(other)}
    for name in (name for name in node.input[1:] if name not in used):
        graph.initializer.remove(weights_of(model)[name])
    if weight is None:
        return FEATURES, None
    values = numpy_helper.to_array(weight)
    return FEATURES, values if any(entry.name == "transB" and entry.i for entry in node.attribute) else values.T


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Give a tensor another name; a tensor that had that name steps aside."""
    if old == new:
        return
    aside = fresh_name(f"{new}_float", tensor_names(graph))
    rename_tensors(graph, {old: new, new: aside})


def _load(path: Path, whole: bool) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=whole)
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise Unsupported(f"{str(path)!r} is not an ONNX file, or lacks the weights beside it: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise Unsupported(f"cannot read model {str(path)!r} ({reason}); expected an ONNX file") from error
    if not model.graph.node:
        raise Unsupported(f"{str(path)!r} holds no ONNX graph; expected a file with at least one node")
    return model


def _strip(model: onnx.ModelProto) -> None:
    graph = model.graph
    del model.metadata_props[:], graph.metadata_props[:]
    model.doc_string = graph.doc_string = ""
    for thing in (*graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del thing.metadata_props[:]
        thing.doc_string = ""


def _batch(model: onnx.ModelProto) -> str | int:
    dimension = model.graph.input[0].type.tensor_type.shape.dim[0]
    return dimension.dim_value if dimension.HasField("dim_value") else dimension.dim_param or "N"


def _before(
    tensors: Iterable[str], producers: Mapping[str, onnx.NodeProto], ends: frozenset[str]
) -> dict[str, onnx.NodeProto]:
    """Nodes that tensors depend on, by name; nothing is looked for before operators of ``ends``."""
    found: dict[str, onnx.NodeProto] = {}
    waiting = list(tensors)
    while waiting:
        node = producers.get(waiting.pop())
        if node is not None and node.name not in found:
            found[node.name] = node
            if node.op_type not in ends:
                waiting.extend(names_read(node))
    return found
