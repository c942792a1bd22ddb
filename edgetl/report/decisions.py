"""What changes for whoever acts on a model's answers when a variant takes the float one's place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgetl.decisions import Calibration, Decisions, Flips, Refit
from edgetl.evaluation import Evaluation
from edgetl.report import numbers
from edgetl.report.page import Column, Table, known_columns

NOTABLE = 0.05
"""Change of the mean top score from which whoever compares scores with a threshold should know."""
_LEVEL = 0.05
_CLASSES_MAX = 10
"""Of more, only the worst are shown."""
_THRESHOLDS_MAX = 6
_KINDS_MAX = 10
_WITH_LABELS = ("Worse", "Better", "p")


def decisions_tables(evaluations: Sequence[Evaluation]) -> tuple[Table, ...]:
    """All tables; those without rows are for the caller to leave out."""
    each = [(one.variant, one.decisions) for one in evaluations if one.decisions is not None]
    return (
        decisions_table(evaluations),
        *(_flips_table(variant, found.flips) for variant, found in each if found.flips is not None),
        *(_recalls_table(variant, found) for variant, found in each),
        _scores_table(evaluations),
        _calibration_table(evaluations),
        _thresholds_table(evaluations),
        outputs_table(evaluations),
    )


def decisions_table(evaluations: Sequence[Evaluation]) -> Table:
    """How many decisions of each variant are not the float one's, and whether that is for the worse."""
    columns = (
        Column("Variant"),
        *(Column(title, "right") for title in ("Changed", "of", "95 % interval", "Worse", "Better", "p")),
    )
    rows, remarks = [], []
    for variant, found in _known(evaluations):
        if found.flips is not None:
            rows.append((variant, *_flips_row(found.flips)))
        remarks += [f"{variant}: {sentence}" for sentence in in_words(found)]
    table = Table("Decisions: float against each variant", columns, tuple(rows), tuple(remarks))
    return known_columns(table, optional=_WITH_LABELS)


def in_words(found: Decisions) -> tuple[str, ...]:
    """Sentences for who decides whether the variant will do."""
    sentences = []
    if found.flips is not None:
        sentences.append(_flips_in_words(found.flips))
    top = next((shift for shift in found.shifts if shift.score == "top score"), None)
    if top is not None and abs(top.candidate - top.reference) >= NOTABLE:
        sentences.append(
            f"scores are other than float's: the highest is {numbers.percent(top.candidate)} on average, float's "
            f"{numbers.percent(top.reference)}; a threshold on scores that was chosen for float does not fit."
        )
    if found.refit is not None and found.refit.gain.ci95[0] > 0:
        sentences.append(f"thresholds of its own would gain {_gain(found.refit)}.")
    return tuple(sentences)


def _flips_in_words(flips: Flips) -> str:
    n, what = flips.rate.n, "decisions" if flips.harmful is not None else "largest entries of the first output"
    if not flips.count:
        most = numbers.percent(flips.rate.ci95[1])
        return f"none of {numbers.count(n)} {what} changes, which rules out no rate below {most}."
    sentence = f"{numbers.count(flips.count)} of {numbers.count(n)} {what} change"
    if flips.harmful is None or flips.beneficial is None or flips.mcnemar_p is None:
        return f"{sentence}; without labels nobody knows whether for the worse."
    sentence += f", {numbers.count(flips.harmful)} for the worse and {numbers.count(flips.beneficial)} for the better"
    explained = "that is more than chance explains" if flips.mcnemar_p < _LEVEL else "chance may explain the difference"
    return f"{sentence}; {explained} (p {_p(flips.mcnemar_p)})."


def _flips_row(flips: Flips) -> tuple[str, ...]:
    return (
        numbers.count(flips.count),
        numbers.count(flips.rate.n),
        numbers.percent_interval(flips.rate.ci95),
        numbers.count(flips.harmful),
        numbers.count(flips.beneficial),
        numbers.probability(flips.mcnemar_p),
    )


def _flips_table(variant: str, flips: Flips) -> Table:
    columns = (
        Column("Float says"),
        Column(f"{variant} says"),
        *(Column(title, "right") for title in ("Samples", "Worse", "Better")),
    )
    rows = tuple(
        (
            kind.reference,
            kind.candidate,
            numbers.count(kind.count),
            numbers.count(kind.harmful),
            numbers.count(kind.beneficial),
        )
        for kind in flips.kinds[:_KINDS_MAX]
    )
    remarks = (f"Only the {_KINDS_MAX} most frequent are shown.",) if len(flips.kinds) > _KINDS_MAX else ()
    table = Table(f"Decisions that change with {variant}", columns, rows, remarks)
    return known_columns(table, optional=_WITH_LABELS)


def _recalls_table(variant: str, found: Decisions) -> Table:
    columns = (
        Column("Class"),
        *(Column(title, "right") for title in ("n", "Float finds", f"{variant} finds", "Change", "95 % interval")),
    )
    shown = found.recalls
    if len(shown) > _CLASSES_MAX:
        changed = [recall for recall in shown if recall.candidate != recall.reference]
        shown = tuple(sorted(changed, key=lambda recall: -recall.drop.value)[:_CLASSES_MAX])
    rows = tuple(
        (
            recall.label,
            numbers.count(recall.drop.n),
            numbers.percent(recall.reference),
            numbers.percent(recall.candidate),
            numbers.points(0.0 - recall.drop.value),
            numbers.points_interval((0.0 - recall.drop.ci95[1], 0.0 - recall.drop.ci95[0])),
        )
        for recall in shown
    )
    left_out = len(found.recalls) - len(rows)
    remarks = (f"and {numbers.count(left_out)} more classes, which lose less or nothing.",) if left_out else ()
    return Table(f"How much of each class {variant} finds", columns, rows, remarks)


def _scores_table(evaluations: Sequence[Evaluation]) -> Table:
    columns = (
        Column("Variant"),
        Column("Score"),
        *(Column(title, "right") for title in ("n", "Float", "Variant", "Change", "5 to 95 % of changes")),
    )
    rows = tuple(
        (
            variant,
            shift.score,
            numbers.count(shift.n),
            numbers.percent(shift.reference),
            numbers.percent(shift.candidate),
            numbers.points(shift.candidate - shift.reference),
            numbers.points_interval((shift.quantiles[0], shift.quantiles[-1])),
        )
        for variant, found in _known(evaluations)
        for shift in found.shifts
    )
    return Table("Scores: float against each variant", columns, rows)


def _calibration_table(evaluations: Sequence[Evaluation]) -> Table:
    titles = ("Float's error", "Error", "Change", "Float's temperature", "Temperature", "Error with it")
    columns = (Column("Variant"), *(Column(title, "right") for title in titles))
    known = [(variant, found.calibration) for variant, found in _known(evaluations) if found.calibration is not None]
    remarks = (
        "The error is how far scores are from the share that is right (ECE), the change its paired 95 % interval; a "
        "temperature divides logits to come closest, and the error with it is that of samples it was not fitted on. "
        "It is not applied to predictions.",
        *(f"{variant}: {found.reason}." for variant, found in known if found.reason),
    )
    rows = tuple((variant, *_calibration_row(found)) for variant, found in known)
    return Table("Whether scores are probabilities", columns, rows, remarks)


def _calibration_row(found: Calibration) -> tuple[str, ...]:
    return (
        numbers.percent(found.reference),
        numbers.percent(found.candidate),
        numbers.points_interval(found.change.ci95),
        numbers.factor(found.reference_temperature),
        numbers.factor(found.temperature),
        numbers.percent(found.tempered),
    )


def _thresholds_table(evaluations: Sequence[Evaluation]) -> Table:
    columns = (
        Column("Variant"),
        Column("Thresholds", "right"),
        Column("Its own would be", "right"),
        Column("They would gain", "right"),
        Column("95 % interval", "right"),
    )
    known = [(variant, found.refit) for variant, found in _known(evaluations) if found.refit is not None]
    rows = tuple(
        (
            variant,
            _listed(found.shared),
            _listed(found.own),
            f"{numbers.points(found.gain.value)} of {found.gain.metric}",
            numbers.points_interval(found.gain.ci95),
        )
        for variant, found in known
    )
    remarks = (
        "All variants decide by the float one's thresholds; the gain is that of samples they were not chosen on.",
    )
    return Table("Thresholds: float's against the variant's own", columns, rows, remarks)


def outputs_table(evaluations: Sequence[Evaluation]) -> Table:
    """How far each output of a model without labels is off."""
    columns = (
        Column("Variant"),
        Column("Output"),
        Column("Error", "right"),
        Column("SQNR", "right"),
        Column("Why not"),
    )
    rows = tuple(
        (
            variant,
            output.output,
            numbers.percent(output.relative),
            numbers.decibels(output.relative),
            output.reason or numbers.UNKNOWN,
        )
        for variant, found in _known(evaluations)
        for output in found.outputs
    )
    remarks = (
        "The error is the root mean square of the differences, by how much float outputs vary over the samples.",
    )
    return known_columns(Table("Outputs: float against each variant", columns, rows, remarks), optional=("Why not",))


def _known(evaluations: Sequence[Evaluation]) -> Iterator[tuple[str, Decisions]]:
    return ((one.variant, one.decisions) for one in evaluations if one.decisions is not None)


def _gain(refit: Refit) -> str:
    return f"{numbers.points(refit.gain.value)} of {refit.gain.metric}"


def _listed(thresholds: tuple[float, ...]) -> str:
    shown = ", ".join(map(numbers.percent, thresholds[:_THRESHOLDS_MAX]))
    more = len(thresholds) - _THRESHOLDS_MAX
    return shown if more <= 0 else f"{shown} and {numbers.count(more)} more"


def _p(value: float) -> str:
    shown = numbers.probability(value)
    return shown if shown.startswith("<") else f"= {shown}"
