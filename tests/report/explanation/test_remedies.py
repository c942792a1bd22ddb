"""What was tried is told with what came of it; what was not, with the setting that has it tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from edgetl.check import Check
from edgetl.explanation import Channels, Explanation, LayerExplanation
from edgetl.ladder import Attempt, Ladder, Trained, Treatment
from edgetl.report.explanation import in_words
from edgetl.report.explanation.remedies import (
    Remedy,
    by_float,
    by_ranges,
    by_training,
    by_treatment,
    way_to_try,
)

LayerOf = Callable[..., LayerExplanation]
ExplanationOf = Callable[..., Explanation]
REMEDIES: dict[str, Callable[[Ladder], Remedy]] = {
    "treatment": lambda ladder: by_treatment("equalise", "equalise it", ladder),
    "ranges": lambda ladder: by_ranges("mse", "take another range", ladder),
    "training": lambda ladder: by_training("train", ladder),
    "float": lambda ladder: by_float("a", ladder),
}


def with_another(ladder: Ladder, loss: float | None, **changed: Any) -> Ladder:
    """A ladder whose first graph loses 20 points, with one more that loses another fraction."""
    check = None if loss is None else Check("accuracy drop", loss, 0.005, "fraction", False, "")
    another = Attempt(
        "another", "as it was", changed.pop("estimator", "percentile"), False, check, "it fails", **changed
    )
    return msgspec.structs.replace(ladder, attempts=(*ladder.attempts, another))


@pytest.mark.parametrize("name", REMEDIES)
def test_what_was_not_tried_helps_where_a_setting_has_it_tried(name: str, ladder: Ladder) -> None:
    assert REMEDIES[name](ladder).what, "there was no time for it"
    assert not REMEDIES[name](ladder).tried
    over = msgspec.structs.replace(ladder, ended="even with all layers but one in float it fails")
    assert REMEDIES[name](over) == Remedy(), "no setting has it tried"


def test_the_way_is_a_setting_of_the_recipe(ladder: Ladder) -> None:
    assert way_to_try(ladder) == "raise budget_s in [quantize]"
    passed = msgspec.structs.replace(ladder, passed=True, ended="'head as it was' passes")
    assert way_to_try(passed) == 'set search = "all" in [quantize]'
    assert way_to_try(msgspec.structs.replace(passed, search="all")) == ""


TRAINED = Trained(300, 0.4, 0.2, 448, 64, 0.17)


@pytest.mark.parametrize(
    ("name", "changed", "told"),
    [
        ("treatment", {"treatments": (Treatment("equalise", -0.031),)}, "gained nothing (-3.1 points)"),
        ("treatment", {"treatments": (Treatment("equalise", 0.012),)}, "'equalise', which gained +1.2 points"),
        ("treatment", {"treatments": (Treatment("equalise", None, "not judged"),)}, "whose gain is unknown"),
        ("ranges", {"estimator": "mse"}, 'estimator = "mse", which gained +17.0 points'),
        ("training", {"trained": TRAINED}, "training against float, which gained +17.0 points"),
        ("float", {"in_float": ("a",)}, "in float in 1 graph, of these the best loses +3.0 points"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_was_tried_is_told_with_what_came_of_it(
    name: str, changed: dict[str, Any], told: str, ladder: Ladder
) -> None:
    found = REMEDIES[name](with_another(ladder, 0.03, **changed))
    assert found.what == ""
    assert told in found.tried


@pytest.mark.parametrize(("name", "changed"), [("ranges", {"estimator": "mse"}), ("float", {"in_float": ("a",)})])
def test_what_could_not_be_judged_is_not_said_to_have_gained(
    name: str, changed: dict[str, Any], ladder: Ladder
) -> None:
    found = REMEDIES[name](with_another(ladder, None, **changed))
    assert "unknown" in found.tried or "none could be judged" in found.tried


def test_ranges_that_the_first_graph_has_are_no_remedy(ladder: Ladder) -> None:
    found = by_ranges("percentile", "take another range", ladder)
    assert found == Remedy(tried='estimator = "percentile" in [quantize], which the first graph has')


def test_advice_leaves_out_what_was_tried(layer_of: LayerOf, explanation_of: ExplanationOf, ladder: Ladder) -> None:
    worst = layer_of("dw", 1.0, can_equalise=True, channels=Channels(32, 900.0, 5))
    tried = with_another(ladder, 0.3, treatments=(Treatment("equalise", -0.1),))
    words = in_words(explanation_of(worst, ladder=tried))
    (advice,) = (one for one in words if one.startswith("Layer 'dw'"))
    assert "What would help: leave it in float." in advice
    assert advice.endswith("Tried already: treatment 'equalise', which gained nothing (-10.0 points).")


def test_where_everything_was_tried_nothing_is_advised(
    layer_of: LayerOf, explanation_of: ExplanationOf, ladder: Ladder
) -> None:
    over = msgspec.structs.replace(ladder, search="all", ended="everything was tried")
    words = " ".join(in_words(explanation_of(layer_of("a", 1.0), ladder=over)))
    assert "The search has nothing left to try." in words
    assert "What would help" not in words
    assert "[quantize]" not in words


def test_a_treatment_that_is_switched_off_says_so(ladder: Ladder) -> None:
    off = msgspec.structs.replace(ladder, ended="it fails", switched_off=("equalise",))
    found = by_treatment("equalise", "equalise it", off)
    assert found.what == "equalise it (treatment 'equalise', which treatments of [quantize] leaves out)"
