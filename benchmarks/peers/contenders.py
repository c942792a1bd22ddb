"""Every way of making a network smaller and faster that is compared, each with its settings.

A tool's own documentation says what it is given; see the files in ``tools/``. ``float`` names to a tool what it is to
leave alone (see ``tools/scope.py``): EdgeTL does the same without being told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ENVIRONMENTS: Mapping[str, tuple[str, ...]] = {
    "onnxruntime": ("onnxruntime", "onnx", "sympy"),
    "nncf": ("nncf", "openvino", "onnx"),
    # 0.13 imports requests without asking pip for it
    "olive": ("olive-ai", "onnxruntime", "onnx", "torch", "requests"),
    "openvino": ("openvino", "numpy"),
}
"""What pip installs for each tool. Nothing is pinned: it is what a new user gets, and its versions are recorded."""


@dataclass(frozen=True)
class Contender:
    """One tool with one choice of settings."""

    name: str
    script: str
    """In ``tools/``, without ``.py``."""
    environment: str | None
    """In :data:`ENVIRONMENTS`; ``None`` is EdgeTL's own."""
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_peer(self) -> bool:
        """Whether it is another tool than EdgeTL."""
        return self.environment is not None


def _scopes(name: str, script: str, environment: str, options: Mapping[str, Any]) -> tuple[Contender, ...]:
    """As it comes, and told to leave the head in float, or all from the pooling of features on."""
    return (
        Contender(name, script, environment, options),
        Contender(f"{name}, float head", script, environment, {**options, "float": "head"}),
        Contender(f"{name}, float pooling and head", script, environment, {**options, "float": "pooling"}),
    )


_ORT, _OLIVE, _NNCF = ("onnxruntime_static", "onnxruntime"), ("olive_static", "olive"), ("nncf_ptq", "nncf")
_U8S8 = {"pass": {"precision": "int8", "activation_type": "uint8", "per_channel": True}}
_EXACT = {"preset": "mixed", "fast_bias_correction": False}

CONTENDERS: tuple[Contender, ...] = (
    Contender("EdgeTL", "edgetl_prepare", None, {"way": "recipe"}),
    Contender("EdgeTL, ONNX and labels", "edgetl_prepare", None, {"way": "labelled"}),
    Contender("EdgeTL, ONNX without labels", "edgetl_prepare", None, {"way": "unlabelled"}),
    Contender("OpenVINO bf16", "openvino_bf16", "openvino"),
    *_scopes("ONNX Runtime quantize_static", *_ORT, {}),
    *_scopes("Olive", *_OLIVE, {}),
    *_scopes("Olive U8S8 per channel", *_OLIVE, _U8S8),
    *_scopes("NNCF", *_NNCF, {}),
    *_scopes("NNCF mixed", *_NNCF, {"preset": "mixed"}),
    *_scopes("NNCF mixed, full bias correction", *_NNCF, _EXACT),
    *_scopes("NNCF accuracy control", *_NNCF, {"preset": "mixed", "max_drop": "gate"}),
    # without bias correction, by way of the other door into OpenVINO: better on some networks, so it is shown, too
    *_scopes("NNCF by read_model", *_NNCF, {"read_model": True}),
    *_scopes("NNCF mixed by read_model", *_NNCF, {"preset": "mixed", "read_model": True}),
)


def chosen(tools: Sequence[str] | None) -> tuple[Contender, ...]:
    """Those named, by their own name or that of their script, which stands for all of its settings; all without names.

    Raises:
        ValueError: a name is neither.
    """
    scripts = sorted({one.script for one in CONTENDERS})
    unknown = sorted(set(tools or ()) - {*scripts, *(one.name for one in CONTENDERS)})
    if unknown:
        names = ", ".join(repr(one.name) for one in CONTENDERS)
        raise ValueError(
            f"there is no tool {', '.join(unknown)}; there are: {', '.join(scripts)}, and of these {names}"
        )
    return tuple(one for one in CONTENDERS if tools is None or {one.script, one.name} & set(tools))
