"""The last step of preparing: judge every variant, and write those that pass."""

from __future__ import annotations

from pathlib import Path

from edgetl.bundle import write_bundle
from edgetl.check import failures
from edgetl.errors import GateFailed
from edgetl.host.contents import Origin, contents
from edgetl.host.judge import judge, jury_for
from edgetl.host.other_runtimes import with_other_runtimes
from edgetl.host.variants import Made, stratified

HELD_OUT = 8
"""Test images named in the result, to try the bundle on."""


def pack(made: tuple[Made, ...], origin: Origin, out: Path) -> tuple[str, ...]:
    """Judge the variants, the float one first, and write a bundle; returns the hashes of a few test images.

    A float variant whose only fault is its size is left out like any other; what it computes still judges the others.

    Raises:
        GateFailed: the float variant missed a gate other than size, or no variant met all.
    """
    recipe, workspace = origin.recipe, origin.workspace
    jury = jury_for(recipe.task.kind, recipe.gates, workspace)
    # the one place where the test split is opened: everything has been chosen by now
    test = workspace.splits.open_test("final report")
    jury, judged = judge(made, test, jury)
    if judged[0].wrong:
        raise GateFailed(f"the float model missed a gate of recipe {recipe.name!r}: {judged[0].wrong}")
    if not any(variant.passed for variant in judged):
        reasons = "; ".join(f"{one.made.name}: {failures(one.evaluation.checks)}" for one in judged)
        raise GateFailed(f"no variant meets the gates of recipe {recipe.name!r} ({reasons})")
    judged = tuple(with_other_runtimes(one, made[0], jury) if one.passed else one for one in judged)
    write_bundle(out, contents(judged, origin, jury.thresholds))
    shown = (sample for sample in stratified(test, HELD_OUT, recipe.seed) if isinstance(sample.image, Path))
    return tuple(sample.sha256 for sample in shown)
