"""What int8 does to every layer of a model: its range, its error, and what runtimes really compute it in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from edgetl.errors import InputError
from edgetl.ladder import Ladder

SCHEMA: Literal["edgetl.explanation/1"] = "edgetl.explanation/1"


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values that a quantized tensor can have: ``steps + 1`` of them, from ``low`` to ``high``."""

    low: float
    high: float
    scale: float
    """Distance of two neighbours."""
    dtype: str
    """``uint8`` or ``int8``."""

    @property
    def steps(self) -> int:
        """How many steps of ``scale`` there are from ``low`` to ``high``."""
        return round((self.high - self.low) / self.scale)


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Values of a tensor of the float graph, over all images."""

    low: float
    high: float
    rms: float
    """Root of the mean square."""


class Channels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well one scale fits all channels of a tensor."""

    n: int
    """Channels that are not constant on all images."""
    spread: float
    """Range of the widest one by that of the narrowest."""
    coarse: int
    """How many have less than :data:`COARSE` steps."""


COARSE = 4
"""Steps below which a channel has lost nearly all that it says."""


class Executed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a runtime computed a layer in on this machine."""

    runtime: str
    precision: str | None
    reason: str = ""
    """Why it is ``None``."""


class Profiled(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A runtime that was asked what it computes layers in."""

    runtime: str
    source: str | None
    """What told; ``None`` says that nothing did."""
    reason: str = ""
    """Why nothing did."""


class LayerExplanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One layer, or another node with a quantized result; an activation behind it belongs to it."""

    name: str
    op: str
    """ONNX operation."""
    is_depthwise: bool
    tensor: str
    """Its result in the float graph, behind the activation."""
    reads: tuple[str, ...]
    """Results of other layers that it reads."""
    precision: Literal["int8", "float"]
    """What the quantized graph asks for."""
    operations_share: float
    """Fraction of the graph's multiply-adds."""
    grid: Grid | None
    """Of its result; the one that it would have, where only this model's search left it in float."""
    seen: Seen | None
    channels: Channels | None
    rounding_sqnr_db: float | None
    """Signal to noise of its float result rounded to ``grid``: what its own range costs."""
    clipped: float | None
    """Fraction of that noise (of its energy) in values beyond ``grid``."""
    weights_sqnr_db: float | None
    """Signal to noise of its weights in int8."""
    sqnr_db: float | None
    """Signal to noise of its result in the quantized graph, with all that came before it: ten times the logarithm of
    the ratio of sums of squares, over all images."""
    noise: float | None
    """Of the features with only this layer in int8: mean squared difference by the variance over images."""
    measured_with: int = 1
    """How many layers ``noise`` was measured of together, this one included; each has its share."""
    can_equalise: bool = False
    """Whether the next layer can take up factors of its channels."""
    in_float_because: str = ""
    executed: tuple[Executed, ...] = ()
    """By each runtime that told anything."""
    unknown: Mapping[str, str] = {}
    """Why a field is ``None``, by the field's name."""


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a model was quantized as it was, layer by layer."""

    schema: Literal["edgetl.explanation/1"]
    rendering: str
    images: int
    """Calibration images that both graphs were run on."""
    ladder: Ladder
    runtimes: tuple[Profiled, ...]
    layers: tuple[LayerExplanation, ...]
    """In the order of the float graph."""

    @property
    def worst(self) -> tuple[LayerExplanation, ...]:
        """The layers, those first that bring most noise; where that is unknown, those with the least signal."""

        def place(layer: LayerExplanation) -> tuple[bool, float, float]:
            sqnr = float("inf") if layer.sqnr_db is None else layer.sqnr_db
            return layer.noise is None, -(layer.noise or 0.0), sqnr

        return tuple(sorted(self.layers, key=place))


def read_explanation(path: Path) -> Explanation:
    """The explanation in what ``edgetl quantize --explain --json`` answered.

    Raises:
        InputError: missing, or without an explanation of this schema.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Answer).explanation
    except OSError as error:
        raise InputError(f"cannot read explanation {str(path)!r} ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{str(path)!r} has no explanation of schema {SCHEMA!r}: {error}; "
            "write one with: edgetl quantize RECIPE MODEL -o FILE.onnx --explain --json > FILE.json"
        ) from error


class _Answer(msgspec.Struct, frozen=True):
    """As far as it is looked at."""

    explanation: Explanation
