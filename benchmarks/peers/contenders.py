"""Every way of making a network smaller and faster that is compared, each with its settings.

A tool's own documentation says what it is given; see the files in ``tools/``. Each is taken as it comes and, because
heads of adapted networks are where int8 loses most, told to leave some of the network in float: the head alone for ONNX
Runtime, which did better by that than with all from the pooling of features on, and for Olive, which calls the same
quantizer; all from the pooling on for NNCF. EdgeTL leaves its head in float without being told. What was no better
than its neighbours on ``lite0-probe`` and says nothing of its own is left out: every setting costs about two minutes.
ONNX Runtime's dynamic quantization, which its documentation advises for transformers, is tried on these.
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
    for_transformers: bool = False
    """Whether its documentation advises it for these alone."""

    @property
    def is_peer(self) -> bool:
        """Whether it is another tool than EdgeTL."""
        return self.environment is not None


def _nncf(name: str, **options: Any) -> tuple[Contender, Contender]:
    """As it comes, and with all from the pooling of features on in float (see ``tools/scope.py``)."""
    return (
        Contender(name, "nncf_ptq", "nncf", options),
        Contender(f"{name}, float pooling and head", "nncf_ptq", "nncf", {**options, "float": "pooling"}),
    )


def _onnxruntime(name: str, way: str, **options: Any) -> Contender:
    told = {"way": way, **options}
    return Contender(f"ONNX Runtime {name}", "onnxruntime_ptq", "onnxruntime", told, for_transformers=way != "static")


_HEAD = {"float": "head"}
_U8S8 = {"pass": {"precision": "int8", "activation_type": "uint8", "per_channel": True}}

EDGETL = Contender("EdgeTL", "edgetl_prepare", None, {"way": "recipe"})
LABELLED = Contender("EdgeTL, ONNX and labels", "edgetl_prepare", None, {"way": "labelled"})
UNLABELLED = Contender("EdgeTL, ONNX without labels", "edgetl_prepare", None, {"way": "unlabelled"})
ACCURACY_CONTROL = _nncf("NNCF accuracy control", preset="mixed", max_drop="gate")

CONTENDERS: tuple[Contender, ...] = (
    EDGETL,
    LABELLED,
    UNLABELLED,
    Contender("OpenVINO", "openvino_float", "openvino"),
    _onnxruntime("quantize_static", "static"),
    _onnxruntime("quantize_static, float head", "static", **_HEAD),
    _onnxruntime("quantize_dynamic", "dynamic"),
    _onnxruntime("quantize_dynamic after its optimizer", "optimized dynamic"),
    Contender("Olive", "olive_static", "olive"),
    Contender("Olive U8S8 per channel, float head", "olive_static", "olive", {**_U8S8, **_HEAD}),
    *_nncf("NNCF"),
    *_nncf("NNCF mixed", preset="mixed"),
    *_nncf("NNCF mixed, full bias correction", preset="mixed", fast_bias_correction=False),
    # by this door into OpenVINO it corrects no bias, and on lite0-probe that was its best, so it is shown, too
    *_nncf("NNCF by read_model", read_model=True),
    *ACCURACY_CONTROL,
)
"""In the order in which they build."""


FORMER = {"openvino_bf16": "openvino_float"}
"""What commands of recorded results call a script."""


def chosen(tools: Sequence[str] | None) -> tuple[Contender, ...]:
    """Those named, by their own name or that of their script, which stands for all of its settings; all without names.

    Raises:
        ValueError: a name is neither.
    """
    scripts = sorted({one.script for one in CONTENDERS})
    tools = None if tools is None else [FORMER.get(name, name) for name in tools]
    unknown = sorted(set(tools or ()) - {*scripts, *(one.name for one in CONTENDERS)})
    if unknown:
        names = ", ".join(repr(one.name) for one in CONTENDERS)
        raise ValueError(
            f"there is no tool {', '.join(unknown)}; there are: {', '.join(scripts)}, and of these {names}"
        )
    return tuple(one for one in CONTENDERS if tools is None or {one.script, one.name} & set(tools))
