"""What runtimes refuse or compute slowly, as data: every rendered graph is checked against every rule."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from edgetl.errors import EdgeTLError
from edgetl.host.quantize import Rendering
from edgetl.host.quantize.rules import onnxruntime, openvino, tensorrt
from edgetl.host.quantize.rules.rule import Rule
from edgetl.host.quantize.rules.view import View
from edgetl.plugins import RENDERINGS, find

RULES: tuple[Rule, ...] = (*tensorrt.RULES, *onnxruntime.RULES, *openvino.RULES)
_NAMED = 3
"""Offending nodes that a remark names."""


@dataclass(frozen=True)
class Remark:
    """A rule that a graph does not keep."""

    rule: Rule
    nodes: tuple[str, ...]
    """The nodes that break it; empty where it is the whole graph."""

    def __str__(self) -> str:
        named = ", ".join(self.nodes[:_NAMED])
        rest = len(self.nodes) - _NAMED
        where = f" ({named}{f' and {rest} more' if rest > 0 else ''})" if named else ""
        return f"{self.rule.sentence}{where}"


def broken(model: onnx.ModelProto) -> tuple[Remark, ...]:
    """Every rule that a graph does not keep, whichever runtime it is for."""
    view = View.of(model)
    found = ((rule, rule.check(view)) for rule in RULES)
    return tuple(Remark(rule, nodes) for rule, nodes in found if nodes is not None)


def check_rules(model: onnx.ModelProto, rendering: str) -> None:
    """Refuse a graph that breaks a rule of its own rendering.

    Raises:
        EdgeTLError: it does. That is a bug of the rendering, not of the model.
    """
    for remark in broken(model):
        if rendering in remark.rule.binds:
            raise EdgeTLError(f"rendering {rendering!r} breaks its rule {remark.rule.name!r}: {remark}")


def remarks(model: onnx.ModelProto, rendering: str) -> tuple[str, ...]:
    """What the runtimes that a rendering is for refuse of its graph, or compute slowly, in sentences.

    A graph is told of the rules of its own runtimes (``Rendering.runtimes``), but for those about machines or versions
    that it is not for (``Rule.spares``): one for x86 hears nothing of TensorRT. The float graph is for every runtime
    and hears nothing, because what they dislike in it is what renderings are there for.
    """
    if rendering not in RENDERINGS:
        return ()
    meant: Rendering = find(RENDERINGS, rendering, "rendering")
    own = (one for one in broken(model) if one.rule.runtime in meant.runtimes and rendering not in one.rule.spares)
    return tuple(map(str, own))
