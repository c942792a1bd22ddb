"""What changes for whoever acts on a model's answers when a variant takes the place of the float one.

Both are asked about the same samples. The float model is the reference, the variant the candidate; a change is the
candidate's number minus the reference's, a drop the reference's minus the candidate's.
"""

from __future__ import annotations

import msgspec

from edgetl.interval import Interval

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""At which the distribution of a change of scores is described."""


class Flip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Decisions that change from one to another; where a sample may have several labels, about one of them."""

    reference: str
    candidate: str
    count: int
    harmful: int | None
    """How many were right before and are wrong now; ``None`` without labels."""
    beneficial: int | None
    """How many were wrong before and are right now."""


class Flips(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Samples for which anything is decided otherwise."""

    rate: Interval
    """Fraction of the samples, with Wilson's interval."""
    count: int
    harmful: int | None
    """Samples with everything right before and something wrong now; ``None`` without labels."""
    beneficial: int | None
    """The other way round. What is wrong both times is neither."""
    mcnemar_p: float | None
    """Two-sided exact p of McNemar's test: how likely harm and benefit are so unequal, or more, by chance."""
    kinds: tuple[Flip, ...]
    """Between which classes, the most frequent first; the rarest are left out where there are very many."""


class RecallDrop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One class that occurs among the samples: how many of its samples each of the two finds."""

    label: str
    reference: float
    candidate: float
    drop: Interval
    """Paired; ``n`` is how many samples have the class."""


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a score (a probability, 0 to 1) moves."""

    score: str
    """Which one: ``top score`` or ``score of the true class``."""
    n: int
    reference: float
    """Mean over the samples."""
    candidate: float
    """Mean over the samples; minus ``reference`` it is the mean change."""
    quantiles: tuple[float, float, float, float, float]
    """Of the change of each sample, at :data:`QUANTILES`."""


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether scores are the probabilities that they look like, and what would make them so."""

    reference: float
    """Expected calibration error of the reference's scores as they are."""
    candidate: float
    """The same of the candidate's."""
    change: Interval
    """Of the error, paired: an error by itself is biased upwards where it is small, and more so in resamples."""
    reference_temperature: float | None
    """Divisor of the reference's logits with the least log loss on all samples; ``None`` says why in ``reason``."""
    temperature: float | None
    """The candidate's."""
    tempered: float | None
    """Calibration error of the candidate with a temperature, each sample with one that was fitted without it."""
    reason: str = ""
    """Why anything is ``None``."""


class Refit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds that are chosen for the candidate instead of taken over from the reference."""

    shared: tuple[float, ...]
    """Probabilities above which a class is given, as the reference has them."""
    own: tuple[float, ...]
    """Chosen for the candidate on all samples: one per class, or that of the second of two classes."""
    gain: Interval
    """What own ones gain in the named metric, each sample judged with thresholds that were chosen without it."""


class OutputError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far an output of a model without labels is off."""

    output: str
    relative: float | None
    """Root mean square of the differences by how much the reference varies over the samples, as ``output_error_max``
    limits it; the signal-to-noise ratio in dB is -20 times its logarithm."""
    reason: str = ""
    """Why it is ``None``."""


class Decisions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A candidate against its reference; what the task has no use for is empty."""

    n: int
    """Samples that both were asked about."""
    flips: Flips | None
    """``None`` where nothing is decided."""
    recalls: tuple[RecallDrop, ...] = ()
    shifts: tuple[Shift, ...] = ()
    calibration: Calibration | None = None
    refit: Refit | None = None
    outputs: tuple[OutputError, ...] = ()
