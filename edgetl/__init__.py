"""EdgeTL: from a pre-trained model and labelled data to one file that runs fast and correctly on an edge device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Model", "MultilabelPrediction", "Prediction", "__version__", "open"]

if TYPE_CHECKING:
    from edgetl.device.model import Model, open
    from edgetl.device.tasks.classify import Prediction
    from edgetl.device.tasks.multilabel import MultilabelPrediction

_LAZY = {
    "open": "edgetl.device.model:open",
    "Model": "edgetl.device.model:Model",
    "MultilabelPrediction": "edgetl.device.tasks.multilabel:MultilabelPrediction",
    "Prediction": "edgetl.device.tasks.classify:Prediction",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import edgetl`` stays cheap."""
    if name not in _LAZY:
        raise AttributeError(f"module 'edgetl' has no attribute {name!r}")
    from edgetl.plugins import resolve  # keeps import cheap

    return resolve(_LAZY[name])


def __dir__() -> list[str]:
    """The public names, also those that nobody has used yet."""
    return sorted({*globals(), *_LAZY})
