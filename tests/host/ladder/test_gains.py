"""A gain is the difference to the same attempt without the treatment, or unknown with the reason."""

from __future__ import annotations

import msgspec
import pytest

from edgetl.check import Check
from edgetl.host.ladder.attempts import Outcome, Tried
from edgetl.host.ladder.gains import with_gains
from edgetl.host.ladder.rungs import FIRST, Rung, treated, tuned
from edgetl.ladder import Attempt, Trained, Treatment

BASE = FIRST[1]


def tried(rung: Rung, loss: float | None) -> Tried:
    check = None if loss is None else Check("accuracy drop", loss, 0.01, "fraction", False, "", 100)
    treatments = tuple(Treatment(name) for name in rung.treatments)
    attempt = Attempt(rung.name, "as it was", "percentile", False, check, treatments=treatments)
    return Tried(rung, Outcome(attempt, rung.name))


def gained(one: Tried, *seen: Tried) -> dict[str, float | None]:
    return {treatment.name: treatment.gained for treatment in with_gains(one, (one, *seen)).treatments}


def test_each_treatment_is_compared_with_the_graph_that_lacks_only_it() -> None:
    both = tried(treated(BASE, ("equalise", "adaptive-rounding")), 0.01)
    equalised = tried(treated(BASE, ("equalise",)), 0.04)
    rounded = tried(treated(BASE, ("adaptive-rounding",)), 0.32)

    found = gained(both, tried(BASE, 0.4), equalised, rounded)

    assert found["equalise"] == pytest.approx(0.31)
    assert found["adaptive-rounding"] == pytest.approx(0.03)


def test_a_treatment_that_does_harm_gains_less_than_nothing() -> None:
    assert gained(tried(treated(BASE, ("equalise",)), 0.5), tried(BASE, 0.4))["equalise"] == pytest.approx(-0.1)


def test_graphs_that_were_judged_on_different_samples_are_not_compared() -> None:
    alone = tried(treated(BASE, ("equalise",)), 0.1)
    check = msgspec.structs.replace(alone.attempt.check, n=50)
    fewer = Tried(
        alone.rung,
        msgspec.structs.replace(alone.outcome, attempt=msgspec.structs.replace(alone.attempt, check=check)),
    )
    found = with_gains(fewer, (fewer, tried(BASE, 0.4)))
    (treatment,) = (one for one in found.treatments if one.name == "equalise")
    assert treatment == Treatment("equalise", None, "the two graphs were judged on different samples")


def test_what_was_not_tried_without_it_is_unknown() -> None:
    (treatment,) = with_gains(tried(BASE, 0.4), ()).treatments

    assert treatment == Treatment("bias-correction", None, "the same graph was not made without it")


@pytest.mark.parametrize(("own", "without"), [(None, 0.4), (0.4, None)])
def test_what_was_not_judged_is_unknown(own: float | None, without: float | None) -> None:
    one = tried(treated(BASE, ("equalise",)), own)

    found = with_gains(one, (tried(BASE, without),)).treatments[0]

    assert found.gained is None
    assert "could not be judged" in found.unknown_because


def trained(base: Rung, loss: float | None) -> Tried:
    one = tried(tuned(base, 60.0), loss)
    told = msgspec.structs.replace(one.attempt, trained=Trained(300, 0.4, 0.1, 448, 64))
    return Tried(one.rung, Outcome(told, one.rung.name))


def test_training_gains_against_the_same_graph_before_it() -> None:
    base = treated(BASE, ("equalise",))
    one = trained(base, 0.01)

    found = with_gains(one, (tried(BASE, 0.4), tried(base, 0.3), one))

    assert found.trained is not None
    assert found.trained.gained == pytest.approx(0.29)
    assert (found.trained.steps, found.trained.unknown_because) == (300, "")
    assert found.treatments[0].gained == pytest.approx(0.1), "what it gained before training"


def test_training_whose_gain_is_unknown_says_why() -> None:
    one = trained(BASE, None)

    found = with_gains(one, (tried(BASE, 0.4), one))

    assert found.trained is not None
    assert found.trained.gained is None
    assert "could not be judged" in found.trained.unknown_because
