"""One thing that a runtime wants of a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgetl.host.quantize.rules.view import View


@dataclass(frozen=True)
class Rule:
    """A sentence, and the function that finds what breaks it."""

    name: str
    runtime: str
    """Whose rule it is: ``tensorrt``, ``onnxruntime`` or ``openvino``."""
    sentence: str
    """What happens to a graph that breaks it, with versions, and what to do."""
    check: Callable[[View], tuple[str, ...] | None]
    """The nodes that break the rule (empty: the graph as a whole does), or ``None`` where it is kept."""
    binds: frozenset[str] = frozenset()
    """Renderings that must keep it; for others it is a remark."""
    spares: frozenset[str] = frozenset()
    """Renderings that are for this runtime, but not on the machines or in the versions that it speaks of."""


def some(names: list[str]) -> tuple[str, ...] | None:
    """The names found, or ``None`` for none."""
    return tuple(dict.fromkeys(names)) or None
