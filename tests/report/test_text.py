"""What a report says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edgetl.candidate import Variant
from edgetl.check import Check
from edgetl.evaluation import Interval, OtherRuntime
from edgetl.report import text
from edgetl.report.accuracy import accuracy_table, selection_table
from edgetl.report.candidates import candidates_table, fastest_float
from edgetl.report.predictions import as_document, best, predictions
from edgetl.result import Result
from edgetl.validity import Finding, judged


def test_verdict_names_the_chosen_one_and_its_gain(result: Result) -> None:
    first, second = text.verdict(result)
    assert first == (
        "Passed: int8/openvino/int8/2t is the fastest candidate that passed every check, "
        "2.10 x as fast as float (fp32/onnxruntime/fp32/2t)."
    )
    assert "Example CPU" in second


def test_verdict_says_failed_when_nothing_passed(result: Result) -> None:
    failed = msgspec.structs.replace(result, selected=None, passed=False)
    assert text.verdict(failed)[0].startswith("FAILED: no candidate passed every check")


def with_findings(result: Result, *findings: Finding) -> Result:
    """What the chosen one's timing is judged by."""
    judged_one, *others = sorted(result.candidates, key=lambda one: one.name != result.selected)
    candidates = (msgspec.structs.replace(judged_one, validity=judged(findings)), *others)
    return msgspec.structs.replace(result, candidates=candidates)


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        ((), "Timing is valid."),
        ((Finding("W-TURBO", "turbo is on"),), "Timing is valid."),
        ((Finding("W-LOAD", "others"), Finding("W-TURBO", "on")), "Timing is degraded: W-LOAD."),
        ((Finding("W-LOAD", "others"), Finding("W-THROTTLED", "hot")), "Timing is invalid: W-THROTTLED."),
    ],
    ids=["nothing", "a note", "degraded", "invalid"],
)
def test_verdict_says_whether_to_believe_the_timing(
    result: Result, findings: tuple[Finding, ...], sentence: str
) -> None:
    assert text.verdict(with_findings(result, *findings))[2] == sentence
    failed = msgspec.structs.replace(with_findings(result, *findings), selected=None, passed=False)
    assert text.verdict(failed)[2] == sentence


def test_verdict_names_whose_timing_is_not_to_be_believed(result: Result) -> None:
    slow, *others = result.candidates
    hot = msgspec.structs.replace(slow, validity=judged([Finding("W-THROTTLED", "hot")]))
    fine = [msgspec.structs.replace(one, validity=judged([])) for one in others]
    told = text.verdict(msgspec.structs.replace(result, candidates=(hot, *fine)))
    assert f"Timing of {slow.name} is invalid: W-THROTTLED." in told


def test_verdict_tells_of_a_note_that_was_named(result: Result) -> None:
    chosen = result.candidate("int8/openvino/int8/2t")
    named = msgspec.structs.replace(chosen, validity=judged([Finding("W-TURBO", "on")], frozenset({"W-TURBO"})))
    doubted = msgspec.structs.replace(result, candidates=(named,))
    assert text.verdict(doubted)[2] == "Timing is invalid: a code was named with --strict."


def test_every_page_of_a_qualification_says_what_speaks_against_its_timing(subject: Any, result: Result) -> None:
    doubted = with_findings(result, Finding("W-LOAD", "others took 46 % of the CPUs"))
    for page in (text.qualification(doubted), text.summary(subject, doubted)):
        (table,) = (table for table in page.tables if table.title == "May these numbers be believed?")
        assert table.rows == (("W-LOAD", "degraded", "all", "others took 46 % of the CPUs"),)
    assert not any(table.title.startswith("May these") for table in text.qualification(result).tables)


def test_an_unsettled_warm_up_is_told_once(result: Result) -> None:
    fast, *others = result.candidates
    assert fast.latency is not None
    restless = msgspec.structs.replace(fast, latency=msgspec.structs.replace(fast.latency, steady=False))
    judged_one = msgspec.structs.replace(restless, validity=judged([Finding("W-UNSTEADY", "it had not settled")]))
    tables = [
        candidates_table(msgspec.structs.replace(result, candidates=(one, *others))) for one in (restless, judged_one)
    ]
    assert [any("had not settled" in remark for remark in table.remarks) for table in tables] == [True, False]


def test_verdict_claims_no_gain_over_itself(result: Result) -> None:
    float_won = msgspec.structs.replace(result, selected="fp32/onnxruntime/fp32/2t")
    assert "as fast as" not in text.verdict(float_won)[0]


def test_candidates_are_ordered_chosen_then_fast_then_untimed(result: Result) -> None:
    rows = candidates_table(result).rows
    assert [row[0] for row in rows] == [
        "int8/openvino/int8/2t",
        "fp32/onnxruntime/fp32/2t",
        "int8/onnxruntime/int8/2t",
    ]


def test_every_candidate_that_was_not_chosen_says_why(result: Result) -> None:
    rows = candidates_table(result).rows
    assert rows[0][-1] == "CHOSEN"
    assert "slower than the chosen one" in rows[1][-1]
    assert "parity: 3.2 is above the limit" in rows[2][-1]
    assert rows[2][1] == "-"


def test_baseline_is_the_float_graph_in_fp32(result: Result) -> None:
    baseline = fastest_float(result)
    assert baseline is not None
    assert baseline.name == "fp32/onnxruntime/fp32/2t"


def test_accuracy_of_each_variant_has_interval_and_n(subject: Any) -> None:
    accuracy = accuracy_table(subject.evaluations)
    assert accuracy.title.startswith("Accuracy on unseen data")
    assert accuracy.rows[1] == ("int8", "balanced accuracy", "87.2 %", "84.2 to 89.7 %", "656")


def test_each_runtime_that_the_host_judged_has_a_line_and_what_failed_there_is_told(subject: Any) -> None:
    score = Interval("balanced accuracy", 0.852, (0.821, 0.879), 656)
    drop = Check("accuracy drop (openvino)", 0.025, 0.005, "fraction", False, "2.5 points", 656)
    other = OtherRuntime("openvino", score, "validation", (drop,))
    float_, int8 = subject.evaluations
    evaluations = (float_, msgspec.structs.replace(int8, other_runtimes=(other,)))
    rows = selection_table(evaluations).rows
    assert [row[0] for row in rows] == ["fp32", "int8", "int8 in openvino"]
    assert rows[2] == ("int8 in openvino", "balanced accuracy", "85.2 %", "82.1 to 87.9 %", "656", "validation")
    assert "FAILED on the host: int8: accuracy drop (openvino): 2.5 points" in accuracy_table(evaluations).remarks


def test_failed_checks_have_a_table_of_their_own(result: Result) -> None:
    titles = [table.title for table in text.qualification(result).tables]
    assert "Checks that int8/onnxruntime/int8/2t failed" in titles


def test_remarks_of_a_preparation_stand_below_its_title(subject: Any) -> None:
    assert text.preparation(subject, remarks=("mind this",)).summary == ("Note: mind this.",)


def test_tables_are_rectangular(subject: Any, result: Result) -> None:
    files = (("bundle", Path("solar.edgetl")),)
    for page in (text.summary(subject, result, files), text.qualification(result), text.preparation(subject)):
        for table in page.tables:
            assert table.rows
            assert {len(row) for row in table.rows} == {len(table.columns)}


def test_best_classes_come_first_and_ties_keep_the_order_of_classes() -> None:
    assert best({"a": 0.2, "b": 0.4, "c": 0.4}, 2) == (("b", 0.4), ("c", 0.4))


def test_outputs_of_a_model_without_labels_are_lists_in_json_and_shapes_on_screen() -> None:
    document = as_document("frame.png", {"depth": np.zeros((2, 3), np.float32)}, top=1)
    assert msgspec.to_builtins(document) == {"input": "frame.png", "outputs": {"depth": [[0.0] * 3] * 2}}
    assert predictions((document,), "fp32").tables[0].rows == (("frame.png", "depth", "2 x 3"),)


def test_sizes_name_the_cpus_that_an_int8_graph_is_proven_for(subject: Any) -> None:
    assert text.sizes_table(subject.variants).remarks == ()

    variant = proven(subject.variants[0], "x86-vnni")

    assert text.sizes_table((variant,)).remarks == (f"{variant.name}: int8 proven for: amx_int8, avx_vnni",)


@pytest.mark.parametrize("rendering", ["arm", "tensorrt"])
def test_sizes_name_no_flags_of_x86_for_graphs_that_are_for_other_machines(rendering: str, subject: Any) -> None:
    assert text.sizes_table((proven(subject.variants[0], rendering),)).remarks == ()


def proven(variant: Variant, rendering: str) -> Variant:
    """The same in a rendering, with a proof."""
    artifact = msgspec.structs.replace(variant.artifact, rendering=rendering, proven_isa=("amx_int8", "avx_vnni"))
    return msgspec.structs.replace(variant, artifact=artifact)


def test_sizes_say_what_versions_of_its_runtimes_refuse_of_a_graph(subject: Any) -> None:
    first, *others = subject.variants
    artifact = msgspec.structs.replace(first.artifact, remarks=("version 1 has no Gelu", "version 2 is slow"))
    table = text.sizes_table((msgspec.structs.replace(first, artifact=artifact), *others))

    assert table.remarks == (f"{first.name}: version 1 has no Gelu.", f"{first.name}: version 2 is slow.")
