"""What runtimes refuse or compute slowly, as data: every rendered graph is checked against every rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnx

from edgetl.errors import EdgeTLError
from edgetl.host.graph import read_graph
from edgetl.host.quantize.rules import onnxruntime, openvino, tensorrt
from edgetl.host.quantize.rules.rule import Rule
from edgetl.host.quantize.rules.view import View

RULES: tuple[Rule, ...] = (*tensorrt.RULES, *onnxruntime.RULES, *openvino.RULES)
_NAMED = 3
"""Offending nodes that a remark names."""


@dataclass(frozen=True)
class Remark:
    """A rule that a graph does not keep."""

    rule: str
    runtime: str
    """``tensorrt``, ``onnxruntime`` or ``openvino``."""
    sentence: str
    """What happens, where, and what to do."""
    nodes: tuple[str, ...]
    """The nodes that break the rule; empty where it is the whole graph."""

    def __str__(self) -> str:
        named = ", ".join(self.nodes[:_NAMED])
        rest = len(self.nodes) - _NAMED
        where = f" ({named}{f' and {rest} more' if rest > 0 else ''})" if named else ""
        return f"{self.runtime}: {self.sentence}{where}"


def check_rules(model: onnx.ModelProto, rendering: str) -> tuple[Remark, ...]:
    """The rules that a graph does not keep.

    Args:
        rendering: of the graph; a rule that binds it is an error when broken.

    Raises:
        EdgeTLError: the graph breaks a rule of its own rendering. That is a bug of the rendering, not of the model.
    """
    remarks = []
    view = View.of(model)
    for rule in RULES:
        found = rule.check(view)
        if found is None:
            continue
        remark = Remark(rule.name, rule.runtime, rule.sentence, found)
        if rendering in rule.binds:
            raise EdgeTLError(f"rendering {rendering!r} breaks its rule {rule.name!r}: {remark}")
        remarks.append(remark)
    return tuple(remarks)


def remarks(model: Path) -> tuple[Remark, ...]:
    """The rules that the graph in a file does not keep, whoever made it.

    Raises:
        Unsupported: missing, or not an ONNX graph.
    """
    return check_rules(read_graph(model), "")
