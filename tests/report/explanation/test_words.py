"""The verdict first, then who is to blame, then what really ran."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from edgetl.explanation import Channels, Executed, Explanation, LayerExplanation
from edgetl.ladder import Ladder
from edgetl.report.explanation import in_words
from edgetl.report.explanation.words import dominating

LayerOf = Callable[..., LayerExplanation]
ExplanationOf = Callable[..., Explanation]


def passing(ladder: Ladder) -> Ladder:
    (failed,) = ladder.attempts
    passed = msgspec.structs.replace(failed, passed=True, reason="", check=None)
    return msgspec.structs.replace(ladder, passed=True, attempts=(passed,), ended="it passes")


def test_a_rejection_comes_first_with_its_gate(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    first = in_words(explanation_of(layer_of("a", 1.0)))[0]
    assert first.startswith("int8 was rejected for 'x86-vnni': the one graph that was made does not pass.")
    assert "drop 20.00 points" in first


def test_the_layer_that_dominates_is_named_with_cause_and_remedy(
    layer_of: LayerOf, explanation_of: ExplanationOf
) -> None:
    worst = layer_of("dw", 0.8, is_depthwise=True, can_equalise=True, channels=Channels(32, 900.0, 5))
    told = explanation_of(worst, layer_of("a", 0.1), layer_of("b", 0.1))
    assert [one.name for one in dominating(told)] == ["dw"]
    words = in_words(told)
    assert "1 of 3 layers brings 80.0 % of the noise that int8 brings to the features: 'dw'." in words
    (advice,) = (one for one in words if one.startswith("Depthwise layer 'dw': its channels are 900 x apart"))
    assert advice.endswith(
        "What would help: equalise them with those of the next layer (treatment 'equalise'), or leave it in float."
    )


def test_a_layer_in_float_is_not_told_to_be_left_in_float(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    kept = layer_of("a", 0.8, precision="float", in_float_because="left in float by the search")
    words = " ".join(in_words(explanation_of(kept)))
    assert "Layer 'a', which stays in float" in words
    assert "leave it in float" not in words
    assert "In float: a (left in float by the search)." in words


def test_no_advice_where_int8_passes_and_little_is_lost(
    layer_of: LayerOf, explanation_of: ExplanationOf, ladder: Ladder
) -> None:
    words = in_words(explanation_of(layer_of("a", 0.004), ladder=passing(ladder)))
    assert "All of it is 0.4 % of their variance over images, so nothing has to help." in words
    assert not any("What would help" in one for one in words)


def test_a_loss_that_is_spread_blames_no_layer(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    words = in_words(explanation_of(*(layer_of(f"l{place}", 0.1) for place in range(10))))
    (spread,) = (
        one for one in words if one.startswith("The loss is spread: it takes 5 of 10 layers to make up 50.0 %")
    )
    assert spread.endswith("gains little. What would help: train against float.")
    assert words[words.index(spread) + 1] == "To have tried what would help: raise budget_s in [quantize]."


def test_unknown_sensitivity_is_said_to_be_unknown(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    words = in_words(explanation_of(layer_of("a", None)))
    assert "Which layers lose most is unknown: none was measured alone in int8." in words


def test_neighbours_that_were_measured_together_are_told(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    words = in_words(explanation_of(layer_of("a", 1.0, measured_with=3)))
    assert any("'a' (measured with 2 of its neighbours)" in one for one in words)


def test_layers_that_run_in_float_though_quantized_are_named(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    slow = layer_of("slow", executed=(Executed("onnxruntime", "fp32"),))
    words = in_words(explanation_of(*(layer_of(name) for name in "abc"), slow))
    assert (
        "Of the multiply-adds that the graph has in int8, onnxruntime computes here: 75.0 % in int8, 25.0 % in fp32. "
        "In float run, though quantized: slow."
    ) in words


def test_a_runtime_that_was_not_profiled_says_why(layer_of: LayerOf, explanation_of: ExplanationOf) -> None:
    assert "openvino was not profiled: openvino is not installed." in in_words(explanation_of(layer_of("a")))
