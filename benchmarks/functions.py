"""Which activation functions OpenVINO computes faster where the convolution before them is not rounded.

    python benchmarks/functions.py -o benchmarks/results/x86-vnni/functions.json

Three convolutions of 64 channels on 28x28, a function behind each, as the renderings `x86-vnni` and `openvino`, in one
interleaved run in OpenVINO with one thread. Functions that the rendering does not know are written both ways, too.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import record
from onnx import TensorProto, helper, numpy_helper

from edgetl.device.bench.plan import PLANS
from edgetl.device.bench.timing import interleave
from edgetl.host.quantize import RenderSettings
from edgetl.host.quantize.calibrate import calibrate
from edgetl.host.quantize.rules import openvino as rules
from edgetl.plugins import BACKENDS, RENDERINGS, find
from edgetl.runner import LoadOptions
from edgetl.samples.ratio import paired_ratio
from edgetl.tensors import Array, feeds_of

SILU = "Sigmoid and product"
KNOWN = (*sorted(rules.FUNCTIONS), SILU)
OTHERS = ("PRelu",)
WIDTH, SIZE, LAYERS = 64, 28, 3
OPSET = {"Gelu": 20, "Mish": 18}
OPTIONS = LoadOptions(threads=1, precision="int8", batch=1)


def network(path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    constants: dict[str, Array] = {"slope": np.full((WIDTH, 1, 1), 0.1, np.float32)} if kind == "PRelu" else {}
    nodes, last = list[onnx.NodeProto](), "x"
    for place in range(LAYERS):
        weights, made, out = f"w{place}", f"c{place}", f"f{place}"
        constants[weights] = (rng.normal(size=(WIDTH, WIDTH, 1, 1)) / np.sqrt(WIDTH)).astype(np.float32)
        nodes.append(helper.make_node("Conv", [last, weights], [made], made))
        if kind == SILU:
            nodes.append(helper.make_node("Sigmoid", [made], [f"s{place}"], f"s{place}"))
            nodes.append(helper.make_node("Mul", [made, f"s{place}"], [out], out))
        else:
            nodes.append(helper.make_node(kind, [made, *(["slope"] if kind == "PRelu" else [])], [out], out))
        last = out
    nodes.append(helper.make_node("GlobalAveragePool", [last], ["means"], "means"))
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", WIDTH, SIZE, SIZE]),
        helper.make_tensor_value_info("means", TensorProto.FLOAT, None),
    ]
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "functions", ends[:1], ends[1:], tensors)
    opsets = [helper.make_opsetid("", OPSET.get(kind, 18))]
    onnx.save(onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opsets, ir_version=9)), path)


def one(kind: str, folder: Path) -> dict[str, Any]:
    """Time of the graph for OpenVINO alone by that of the one for both runtimes."""
    model, rng = folder / "float.onnx", np.random.default_rng(1)
    network(model, kind)
    samples = [{"x": rng.normal(size=(1, WIDTH, SIZE, SIZE)).astype(np.float32)} for _ in range(24)]
    seen = calibrate(model, samples)
    backend = find(BACKENDS, "openvino", "runtime")
    with ExitStack() as opened:
        subjects = {}
        for name in ("x86-vnni", "openvino"):
            path = folder / f"{name}.onnx"
            with mock.patch.object(rules, "FUNCTIONS", rules.FUNCTIONS | set(OTHERS)):
                find(RENDERINGS, name, "rendering").render(model, seen, path, RenderSettings())
            runner = backend.load(backend.build(path, OPTIONS, None), OPTIONS)
            opened.callback(runner.close)
            feeds = feeds_of(samples[0], runner.inputs)
            subjects[name] = lambda runner=runner, feeds=feeds: runner.infer(feeds)
        timed = interleave(subjects, PLANS["quick"])
    ratio = paired_ratio(timed["openvino"], timed["x86-vnni"], seed=0)
    return {"function": kind, "ratio": ratio.value, "low": ratio.low, "high": ratio.high, "known": kind in KNOWN}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args()
    rows = []
    for kind in (*KNOWN, *OTHERS):
        with tempfile.TemporaryDirectory(prefix="edgetl-functions-") as folder:
            rows.append(one(kind, Path(folder)))
        print(rows[-1], flush=True)
    limit = "every function that the rendering 'openvino' leaves unrounded is faster so, by its 95 % interval"
    measured = {**{row["function"]: row["ratio"] for row in rows}, "rows": rows}
    passed = all(row["high"] < 1 for row in rows if row["known"])
    return record.write(arguments.out, "functions behind convolutions, OpenVINO", limit, measured, passed)


if __name__ == "__main__":
    raise SystemExit(main())
