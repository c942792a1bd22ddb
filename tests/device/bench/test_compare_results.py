"""Results of different runs against each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from edgetl.comparison import Lost
from edgetl.device.bench.compare_results import CompareSettings, compare_results
from edgetl.errors import InputError
from edgetl.machine_state import MachineState, Pressure
from edgetl.report.comparison import comparison_page
from edgetl.result import CandidateResult, Heaps, Result
from edgetl.scenario import Scenario
from edgetl.validity import Validity

replace = msgspec.structs.replace
FLOAT, INT8 = "fp32/onnxruntime/fp32/2t", "int8/openvino/int8/2t"
Timed = Callable[..., Result]


def timed(candidate: CandidateResult, median_ns: float, seed: int, blocks: int = 20) -> CandidateResult:
    """The candidate with samples of 20 in a block, about 1 % apart."""
    assert candidate.latency is not None
    random = np.random.default_rng(seed)
    samples = tuple(int(one) for one in median_ns * random.lognormal(0, 0.01, 20 * blocks))
    latency = replace(candidate.latency, n=len(samples), samples_ns=samples, blocks=(20,) * blocks)
    return replace(candidate, latency=latency)


@pytest.fixture
def run_of(result: Result) -> Timed:
    """A result whose medians are so many times those of the example."""

    def make(float_factor: float = 1.0, int8_factor: float = 1.0, seed: int = 0, blocks: int = 20) -> Result:
        slow, fast, refused = result.candidates
        candidates = (
            timed(slow, 6.5e6 * float_factor, seed, blocks),
            timed(fast, 3.1e6 * int8_factor, seed + 1, blocks),
            refused,
        )
        return replace(result, candidates=candidates)

    return make


def test_candidates_of_the_same_name_are_judged(run_of: Timed) -> None:
    compared = compare_results(run_of(), run_of(1.1, 0.9, seed=5), CompareSettings())
    assert [(pair.first, pair.second, pair.verdict) for pair in compared.pairs] == [
        (FLOAT, FLOAT, "slower"),
        (INT8, INT8, "faster"),
    ]
    assert compared.pairs[0].comparison.ratio == pytest.approx(1.1, rel=0.01)
    assert not compared.pairs[0].comparison.paired
    assert compared.first.alone == compared.second.alone == ()


def test_the_same_code_again_is_equivalent(run_of: Timed) -> None:
    compared = compare_results(run_of(), run_of(seed=5), CompareSettings())
    assert {pair.verdict for pair in compared.pairs} == {"equivalent"}


def test_medians_are_those_of_the_samples(run_of: Timed) -> None:
    pair = compare_results(run_of(), run_of(2.0, seed=5), CompareSettings()).pairs[0]
    assert (pair.first_p50_ns, pair.second_p50_ns) == pytest.approx((6.5e6, 13e6), rel=0.01)


@pytest.mark.parametrize(
    ("factor", "condition", "passed"),
    [
        (1.1, "slower", False),
        (1.0, "slower", True),
        (0.9, "slower", True),
        (1.0, "not-faster", False),
        (0.9, "not-faster", True),
        (1.02, "inconclusive", False),
        (1.1, "inconclusive", True),
    ],
)
def test_gate_refuses_what_it_names(run_of: Timed, factor: float, condition: Any, passed: bool) -> None:
    compared = compare_results(run_of(), run_of(factor, factor, seed=5), CompareSettings(fail_if=(condition,)))
    assert compared.passed is passed
    assert len(compared.failed) == (0 if passed else 2)


def test_without_a_gate_everything_passes(run_of: Timed) -> None:
    assert compare_results(run_of(), run_of(9.0, 9.0), CompareSettings()).passed


def test_few_blocks_are_inconclusive(run_of: Timed) -> None:
    compared = compare_results(run_of(blocks=4), run_of(2.0, blocks=4), CompareSettings())
    assert {(pair.verdict, pair.p_holm) for pair in compared.pairs} == {("inconclusive", None)}


def test_what_is_not_significant_among_so_many_is_inconclusive(run_of: Timed) -> None:
    def many(run: Result) -> Result:
        copies = tuple(replace(run.candidates[0], name=f"{place}/{FLOAT}") for place in range(30))
        return replace(run, candidates=copies, selected=None)

    few = run_of(blocks=14), run_of(1.5, blocks=14, seed=5)
    alone = compare_results(*few, CompareSettings()).pairs[0]
    among = compare_results(*(many(run) for run in few), CompareSettings()).pairs[0]
    assert alone.verdict == "slower"
    assert alone.p_holm is not None
    assert among.p_holm == pytest.approx(15 * alone.p_holm)
    assert (among.verdict, among.downgraded) == ("inconclusive", ("p is above 0.05 after Holm's correction",))


@pytest.mark.parametrize("condition", ["slower", "inconclusive", "not-faster"])
def test_candidate_that_broke_passes_no_gate(run_of: Timed, condition: Any) -> None:
    first, second = run_of(), run_of(0.5, 0.5, seed=5)
    broken = replace(second.candidates[0], latency=None, rejected_because="outputs differ")
    settings = CompareSettings(fail_if=(condition,))
    compared = compare_results(first, replace(second, candidates=(broken, second.candidates[1])), settings)
    assert not compared.passed
    assert compared.lost == (Lost(FLOAT, "outputs differ"),)
    gone = compare_results(first, replace(second, candidates=second.candidates[1:]), settings)
    assert gone.lost == (Lost(FLOAT, "it is not there"),)
    assert not gone.passed
    assert compare_results(first, replace(second, candidates=second.candidates[1:]), CompareSettings()).passed


def test_new_candidate_is_no_loss(run_of: Timed) -> None:
    first, second = run_of(), run_of(0.5, 0.5, seed=5)
    compared = compare_results(
        replace(first, candidates=first.candidates[1:]), second, CompareSettings(fail_if=("slower",))
    )
    assert (compared.passed, compared.lost, compared.second.alone) == (True, (), (FLOAT,))


def test_candidates_of_one_result_only_are_named(run_of: Timed) -> None:
    first, second = run_of(), run_of(seed=5)
    compared = compare_results(first, replace(second, candidates=second.candidates[1:]), CompareSettings())
    assert [pair.first for pair in compared.pairs] == [INT8]
    assert (compared.first.alone, compared.second.alone) == ((FLOAT,), ())


def renamed(run: Result) -> Result:
    candidates = tuple(replace(one, name=f"new/{one.name}") for one in run.candidates)
    return replace(run, candidates=candidates, selected=f"new/{run.selected}")


def test_candidates_of_two_files_are_paired_by_how_they_run(run_of: Timed) -> None:
    compared = compare_results(run_of(), renamed(run_of(1.2, 1.0, seed=5)), CompareSettings(fail_if=("slower",)))
    assert [(pair.first, pair.second, pair.verdict) for pair in compared.pairs] == [
        (FLOAT, f"new/{FLOAT}", "slower"),
        (INT8, f"new/{INT8}", "equivalent"),
    ]
    assert compared.first.alone == compared.second.alone == compared.lost == ()
    assert any("of the same runtime, precision and threads are paired" in remark for remark in compared.remarks)


def test_candidates_of_one_name_are_paired_without_a_word(run_of: Timed) -> None:
    assert not any("paired" in one for one in compare_results(run_of(), run_of(), CompareSettings()).remarks)


def without_float(run: Result) -> Result:
    broken = replace(run.candidates[0], latency=None, rejected_because="outputs differ")
    return replace(run, candidates=(broken, *run.candidates[1:]))


def test_candidate_of_another_file_that_broke_passes_no_gate(run_of: Timed) -> None:
    second = renamed(without_float(run_of(0.5, 0.5, seed=5)))
    compared = compare_results(run_of(), second, CompareSettings(fail_if=("slower",)))
    assert [pair.first for pair in compared.pairs] == [INT8]
    assert compared.lost == (Lost(FLOAT, "outputs differ"),)
    assert not compared.passed


def test_what_runs_the_same_way_is_paired_in_order(run_of: Timed) -> None:
    def twice(run: Result) -> Result:
        first = run.candidates[0]
        return replace(run, candidates=(first, replace(first, name=f"other {first.name}")), selected=first.name)

    compared = compare_results(twice(run_of()), renamed(twice(run_of())), CompareSettings())
    assert [(pair.first, pair.second) for pair in compared.pairs] == [
        (FLOAT, f"new/{FLOAT}"),
        (f"other {FLOAT}", f"new/other {FLOAT}"),
    ]


def of_several_models(run: Result) -> Result:
    return replace(run, bundle=replace(run.bundle, version=None))


def test_selected_ones_of_several_models_are_compared_where_no_name_is_common(run_of: Timed) -> None:
    second = renamed(of_several_models(run_of(1.0, 1.2, seed=5)))
    compared = compare_results(run_of(), second, CompareSettings())
    (pair,) = compared.pairs
    assert (pair.first, pair.second, pair.verdict) == (INT8, f"new/{INT8}", "slower")
    assert any("the two that were selected are compared" in remark for remark in compared.remarks)
    assert compared.lost == ()


def test_selected_ones_are_compared_where_nothing_ran_the_same_way(run_of: Timed) -> None:
    first, second = run_of(), renamed(run_of())
    other = replace(second, candidates=tuple(replace(one, threads=1) for one in second.candidates))
    compared = compare_results(first, other, CompareSettings(fail_if=("slower",)))
    assert [(pair.first, pair.second) for pair in compared.pairs] == [(INT8, f"new/{INT8}")]
    assert (compared.lost, compared.passed) == ((), True)


def test_what_both_tried_and_only_the_first_timed_is_lost(run_of: Timed) -> None:
    first = replace(run_of(), candidates=run_of().candidates[:1], selected=FLOAT)
    compared = compare_results(first, renamed(without_float(run_of())), CompareSettings(fail_if=("slower",)))
    assert [(pair.first, pair.second) for pair in compared.pairs] == [(FLOAT, f"new/{INT8}")]
    assert (compared.lost, compared.passed) == ((Lost(FLOAT, "outputs differ"),), False)


def test_nothing_in_common_is_refused_with_the_names(run_of: Timed) -> None:
    other = replace(renamed(of_several_models(run_of())), selected=None)
    with pytest.raises(InputError, match=f"the first has {FLOAT}, {INT8}, the second new/{FLOAT}, new/{INT8}"):
        compare_results(run_of(), other, CompareSettings())


def offline(run: Result, factor: float, seed: int) -> Result:
    """Its first candidate in 20 blocks of 50 inferences; what becomes of the others is not told."""
    walls = np.random.default_rng(seed).lognormal(0, 0.01, 20) * 25e6 * factor
    heaps = Heaps(tuple(range(20)), tuple(map(int, walls.tolist())), (50,) * 20)
    one = replace(run.candidates[0], latency=None, throughput_per_s=2000 / factor, heaps=heaps)
    return replace(run, candidates=(one,), scenario=Scenario("offline", streams=2))


def test_offline_runs_are_compared_by_the_time_of_an_inference(run_of: Timed) -> None:
    first, second = offline(run_of(), 1.0, 1), offline(run_of(), 1.2, 2)
    compared = compare_results(first, second, CompareSettings(fail_if=("slower",)))
    (pair,) = compared.pairs
    assert (pair.verdict, compared.passed, compared.scenario.kind) == ("slower", False, "offline")
    assert pair.comparison.ratio == pytest.approx(1.2, rel=0.02)
    page = comparison_page(compared, "old", "new")
    assert page.tables[0].title == "Median time per inference"
    assert "Throughput: offline, 2 streams" in page.summary[1]
    assert compare_results(first, first, CompareSettings(fail_if=("slower",))).passed


def test_offline_runs_of_older_versions_are_refused_with_what_to_do(run_of: Timed) -> None:
    new = offline(run_of(), 1.0, 1)
    old = replace(new, candidates=(replace(new.candidates[0], heaps=None),))
    for pair in ((old, new), (new, old)):
        with pytest.raises(InputError, match=r"did not keep how long its blocks took.*measure again"):
            compare_results(*pair, CompareSettings())


def test_results_without_latency_are_refused(run_of: Timed) -> None:
    first = run_of()
    untimed = replace(first, candidates=first.candidates[2:], selected=None)
    with pytest.raises(InputError, match="the second none with a latency"):
        compare_results(first, untimed, CompareSettings())


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (Scenario("periodic", rate_hz=30.0), "kind single-stream against periodic"),
        (Scenario("multi-stream", streams=4), "streams 1 against 4"),
        (Scenario("offline"), "kind single-stream against offline"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_other_scenario_is_refused(run_of: Timed, scenario: Scenario, words: str) -> None:
    with pytest.raises(InputError, match=words):
        compare_results(run_of(), replace(run_of(), scenario=scenario), CompareSettings(allow_other_machine=True))


def test_other_rate_is_refused(run_of: Timed) -> None:
    slow, fast = (replace(run_of(), scenario=Scenario("periodic", rate_hz=rate)) for rate in (10.0, 30.0))
    with pytest.raises(InputError, match=r"rate_hz 10\.0 against 30\.0"):
        compare_results(slow, fast, CompareSettings())


def test_seed_of_arrivals_does_not_matter(run_of: Timed) -> None:
    one, other = (replace(run_of(), scenario=Scenario("server", rate_hz=9.0, seed=seed)) for seed in (1, 2))
    assert compare_results(one, other, CompareSettings()).scenario.kind == "server"


def changed_latency(run: Result, **changes: Any) -> Result:
    first, *others = run.candidates
    assert first.latency is not None
    return replace(run, candidates=(replace(first, latency=replace(first.latency, **changes)), *others))


def test_other_scope_is_refused(run_of: Timed) -> None:
    with pytest.raises(InputError, match=r"different scopes \(end-to-end, infer\)"):
        compare_results(run_of(), changed_latency(run_of(), scope="end-to-end"), CompareSettings())


def test_one_scope_is_compared_and_told(run_of: Timed) -> None:
    def whole(run: Result) -> Result:
        (first, *_) = changed_latency(run, scope="end-to-end").candidates
        return replace(run, candidates=(replace(first, scope="end-to-end"),))

    compared = compare_results(whole(run_of()), whole(run_of(1.1, seed=5)), CompareSettings())
    assert (compared.scope, compared.batch, compared.pairs[0].verdict) == ("end-to-end", 1, "slower")


def test_other_batch_is_refused(run_of: Timed) -> None:
    def batched(run: Result, batch: int) -> Result:
        return replace(run, candidates=tuple(replace(one, batch=batch) for one in run.candidates))

    settings = CompareSettings(allow_other_machine=True)
    with pytest.raises(InputError, match=r"different batches \(1 and 8 items\).*same --batch"):
        compare_results(run_of(), batched(run_of(), 8), settings)
    assert compare_results(batched(run_of(), 8), batched(run_of(), 8), settings).batch == 8


def test_impossible_latency_is_refused(run_of: Timed) -> None:
    with pytest.raises(InputError, match="a latency of 0 ns"):
        compare_results(run_of(), changed_latency(run_of(), samples_ns=(0,) * 400), CompareSettings())


def elsewhere(run: Result) -> Result:
    environment = run.environment
    return replace(run, environment=replace(environment, cpu=replace(environment.cpu, model="Other CPU")))


def test_other_machine_is_refused(run_of: Timed) -> None:
    with pytest.raises(InputError, match=r"CPU Example CPU against Other CPU.*--allow-other-machine"):
        compare_results(run_of(), elsewhere(run_of()), CompareSettings())


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_other_machine_proves_nothing(run_of: Timed, factor: float) -> None:
    settings = CompareSettings(allow_other_machine=True, fail_if=("slower",))
    compared = compare_results(run_of(), elsewhere(run_of(factor, factor, seed=5)), settings)
    assert {(pair.verdict, pair.downgraded) for pair in compared.pairs} == {("inconclusive", ("the machines differ",))}
    assert compared.passed
    assert any("the machines differ (CPU Example CPU against Other CPU)" in one for one in compared.remarks)


def test_load_and_a_few_bytes_of_memory_make_no_other_machine(run_of: Timed) -> None:
    run = run_of()
    later = replace(run.environment, load_average=3.0, memory_bytes=(24 << 30) - 4096)
    assert compare_results(run, replace(run, environment=later), CompareSettings()).pairs


def test_other_software_is_told_not_refused(run_of: Timed) -> None:
    run = run_of()
    newer = replace(run.environment, runtimes={"onnxruntime": "1.32"})
    compared = compare_results(run, replace(run, environment=newer), CompareSettings())
    assert "software differs: onnxruntime 1.31 against 1.32" in compared.remarks


def test_other_strictness_is_told(run_of: Timed) -> None:
    compared = compare_results(replace(run_of(), strict=("W-LOAD",)), replace(run_of(), strict=()), CompareSettings())
    assert any("--strict W-LOAD against no --strict" in remark for remark in compared.remarks)
    assert (compared.first.strict, compared.second.strict) == (("W-LOAD",), ())


def state(power_mode: str) -> MachineState:
    nothing = Pressure(None, None, None)
    return MachineState((), None, power_mode, None, None, None, nothing, None, None, None, (0, 1), None)


def test_other_power_mode_is_refused_where_both_are_known(run_of: Timed) -> None:
    run, slow, fast = run_of(), replace(run_of(), state=state("15W (0)")), replace(run_of(), state=state("MAXN (2)"))
    assert compare_results(run, fast, CompareSettings()).pairs
    with pytest.raises(InputError, match=r"power mode 15W \(0\) against MAXN \(2\)"):
        compare_results(slow, fast, CompareSettings())


def test_invalid_measurement_proves_nothing_good(run_of: Timed) -> None:
    run = run_of(0.5, seed=5)
    bad = replace(run.candidates[0], validity=Validity("invalid"))
    pair = compare_results(run_of(), replace(run, candidates=(bad, *run.candidates[1:])), CompareSettings()).pairs[0]
    assert (pair.verdict, pair.downgraded) == ("inconclusive", ("the second measurement is invalid",))
    assert pair.comparison.outcome == "faster"
    worse = replace(run, candidates=(bad, *run.candidates[1:]))
    both = compare_results(worse, worse, CompareSettings()).pairs[0]
    assert (both.verdict, both.downgraded) == ("inconclusive", ("both measurements are invalid",))
