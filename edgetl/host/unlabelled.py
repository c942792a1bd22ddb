"""Samples without labels: how they are divided, and whether a quantized variant can be judged by them."""

from __future__ import annotations

import hashlib

import numpy as np

from edgetl.device.tasks.likeness import undecided_because
from edgetl.device.tasks.statistics import least_samples
from edgetl.gates import Gates
from edgetl.host.data.audit import Audit, Audited
from edgetl.host.data.card import check_near_duplicates
from edgetl.host.data.dataset import Dataset
from edgetl.host.data.reader import Reader
from edgetl.host.data.splits import Sealed, Splits
from edgetl.host.judge import Jury, predict
from edgetl.host.material import Material
from edgetl.host.quantize.calibrate import MIN_IMAGES
from edgetl.host.request import PrepareRequest
from edgetl.host.variants import Made
from edgetl.progress import Progress

LEAST_FOR_ERROR = 30
"""Samples from which on the bound of a mean error can be believed."""


def unlabelled_material(dataset: Dataset, request: PrepareRequest, reader: Reader, progress: Progress) -> Material:
    """Samples without labels: a third for calibration, at most as many as the recipe wants, the others to judge by.

    Args:
        dataset: not read yet.
        request: says how many are for calibration.
        reader: of these samples.
        progress: is told of the audit.

    Raises:
        DataError: unreadable samples, or nothing but noise.
    """
    recipe = request.recipe
    how = Audit(min_per_class=1, skip_bad=recipe.data.skip_bad, threads=request.threads)
    audited = reader.audit(dataset, how, progress)
    splits = divided(audited, recipe.quantize.calibration if recipe.quantize.renderings else 0, recipe.seed)
    if splits.train:
        reader.check(splits.train)
        check_near_duplicates(audited, splits, False, progress)
    return Material(audited, splits)


def divided(audited: Audited, calibration: int, seed: int) -> Splits:
    """Each sample once, drawn by ``seed`` into what calibrates (``train``) and what judges (``validation``)."""
    samples = tuple({sample.sha256: sample for sample in audited.dataset.samples}.values())
    samples = tuple(sorted(samples, key=lambda sample: sample.sha256))
    count = min(calibration, len(samples) // 3)
    places = set(np.random.default_rng(seed).permutation(len(samples))[:count].tolist())
    train = tuple(sample for place, sample in enumerate(samples) if place in places)
    validation = tuple(sample for place, sample in enumerate(samples) if place not in places)
    counts = {"train": (len(train),), "validation": (len(validation),), "test": (0,)}
    parts = repr([[sample.sha256 for sample in part] for part in (train, validation)])
    return Splits(train, validation, Sealed(()), counts, hashlib.sha256(parts.encode()).hexdigest())


def unjudged_because(made: Made, jury: Jury) -> str | None:
    """Why no quantized variant can be judged without labels here; ``None`` where one can.

    Args:
        made: the float variant.
        jury: of a task without labels.
    """
    splits, gates = jury.workspace.splits, jury.gates
    few = _too_few(jury)
    if few is not None:
        return few
    if gates.output_error_max is not None:
        return None
    because = undecided_because(predict(made, splits.validation, jury), jury.task, gates)
    hint = "to judge by how far outputs are off instead of by decisions, give --output-error-max, as in 0.1 for 20 dB"
    return None if because is None else f"{because}; {hint}"


def _too_few(jury: Jury) -> str | None:
    splits, needed, noun = jury.workspace.splits, _needed(jury.gates), jury.workspace.reader.noun
    calibrating, judging = len(splits.train), len(splits.validation)
    if needed is None:
        return f"the gates allow no change at all, and no number of {noun} could show that there is none"
    if calibrating >= MIN_IMAGES and judging >= needed:
        return None
    whole = max(3 * MIN_IMAGES, needed + -(-needed // 2))
    return (
        f"{calibrating + judging} different {noun} are too few: {calibrating} to calibrate and {judging} to judge by, "
        f"expected at least {MIN_IMAGES} and {needed} even if nothing changes; give {whole} or more"
    )


def _needed(gates: Gates) -> int | None:
    if gates.output_error_max is not None:
        return LEAST_FOR_ERROR
    limit = gates.accuracy_drop_max if gates.changed_max is None else gates.changed_max
    return least_samples(limit + gates.margin)
