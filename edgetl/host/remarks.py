"""What a user should know of a preparation in which nothing failed."""

from __future__ import annotations

from collections.abc import Sequence

from edgetl.evaluation import Metrics
from edgetl.gates import Gates
from edgetl.host.user_onnx import Wrapping
from edgetl.plugins import TARGETS
from edgetl.report import numbers
from edgetl.spelling import did_you_mean

_CLASSES_SHOWN = 20


def unknown_targets(gates: Gates) -> tuple[str, ...]:
    """One sentence for each table of gates that no target known here will be judged by."""
    known = ", ".join(sorted(TARGETS))
    return tuple(
        f"[gates.target.{name}]: no target of that name is known here (known: {known}), so it will be judged only by "
        f"an EdgeTL that has one{did_you_mean(name, TARGETS)}"
        for name in sorted(set(gates.target) - set(TARGETS))
    )


def no_better_than_guessing(metrics: Metrics, wrapping: Wrapping | None) -> tuple[str, ...]:
    """A warning when a user's model is not shown to beat the commonest class: an order or scale is probably wrong.

    Args:
        metrics: of the model as it came, with its confusion matrix; without one nothing is said.
        wrapping: how the model is fed with images; ``None`` of tensors.
    """
    accuracy = next((one for one in metrics.values if one.metric == "accuracy"), None)
    counts = [sum(row) for row in metrics.confusion]
    if accuracy is None or not sum(counts) or accuracy.ci95[0] > max(counts) / sum(counts):
        return ()
    classes = [score.label for score in metrics.per_class]
    place = counts.index(max(counts))
    return (
        f"WARNING: accuracy {numbers.percent(accuracy.value)} on validation data (95 % interval "
        f"{numbers.percent_interval(accuracy.ci95)}, n = {accuracy.n}) is not shown to be better than always answering "
        f"{classes[place]!r}, the commonest class ({numbers.percent(counts[place] / sum(counts))}). Likely causes: "
        f"the model's classes are in another order than here ({_order(classes)}), or its "
        f"{'samples' if wrapping is None else 'images'} are prepared otherwise than here ({_fed(wrapping)})",
    )


def _order(classes: Sequence[str]) -> str:
    shown = [f"{place} {label}" for place, label in enumerate(classes[:_CLASSES_SHOWN])]
    return ", ".join(shown) + (f", … {len(classes)} in all" if len(classes) > _CLASSES_SHOWN else "")


def _fed(wrapping: Wrapping | None) -> str:
    if wrapping is None:
        return "arrays of .npz files as they are"
    height, width = wrapping.preprocess.height, wrapping.preprocess.width
    scale = "bytes as they are"
    if wrapping.mean is not None and wrapping.std is not None:
        mean, std = (",".join(f"{value:g}" for value in values) for values in (wrapping.mean, wrapping.std))
        scale = f"mean {mean}, std {std} for pixels from 0 to 1"
    return f"size {height}x{width}, colours in the order RGB, layout {wrapping.layout}, {scale}"
