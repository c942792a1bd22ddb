"""Who is compared with whom in one run."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edgetl.device.bench.side_by_side import lost, side_by_side
from edgetl.result import CandidateResult, Heaps, Result
from edgetl.validity import Validity

replace = msgspec.structs.replace


def timed(result: Result, name: str, factor: float = 1.0) -> CandidateResult:
    """``model/runtime``; blocks are 1 % apart."""
    one = result.candidates[0]
    assert one.latency is not None
    random = np.random.default_rng(len(name) + int(1000 * factor))
    samples = tuple(int(sample) for sample in 1e6 * factor * random.lognormal(0, 0.01, 200))
    latency = replace(one.latency, n=200, samples_ns=samples, blocks=(20,) * 10)
    return replace(one, name=name, runtime=name.partition("/")[2], latency=latency, rejected_because=None)


def judged(candidates: list[CandidateResult]) -> dict[tuple[str, str], str]:
    models = [one.name.partition("/")[0] for one in candidates]
    return {(pair.second, pair.first): pair.verdict for pair in side_by_side(candidates, models, 0.02, 0)}


def test_each_model_is_compared_with_the_first_on_the_same_runtime(result: Result) -> None:
    found = judged(
        [timed(result, "a/x", 2.0), timed(result, "a/y"), timed(result, "b/y", 1.2), timed(result, "b/x", 1.9)]
    )
    assert found == {("b/y", "a/y"): "slower", ("b/x", "a/x"): "faster"}


def test_what_has_no_counterpart_is_compared_with_the_first(result: Result) -> None:
    assert judged([timed(result, "a/x"), timed(result, "b/z", 1.5)]) == {("b/z", "a/x"): "slower"}


def test_candidates_of_one_model_are_compared_with_the_first_not_the_fastest(result: Result) -> None:
    found = judged([timed(result, "a/x", 2.0), timed(result, "a/y"), timed(result, "a/z", 3.0)])
    assert found == {("a/y", "a/x"): "faster", ("a/z", "a/x"): "slower"}


def offline(result: Result, name: str, factor: float = 1.0) -> CandidateResult:
    """20 blocks of 50 inferences of about 1 ms by two streams, 1 % apart."""
    walls = np.random.default_rng(len(name) + int(1000 * factor)).lognormal(0, 0.01, 20) * 25e6 * factor
    heaps = Heaps(tuple(range(20)), tuple(map(int, walls.tolist())), (50,) * 20)
    return replace(timed(result, name), latency=None, throughput_per_s=2000 / factor, heaps=heaps)


def test_offline_blocks_are_compared_by_the_time_of_an_inference(result: Result) -> None:
    candidates = [offline(result, "a/x"), offline(result, "b/x", 1.1), replace(offline(result, "c/x"), heaps=None)]
    (pair,) = side_by_side(candidates, "abc", 0.02, 0)
    assert (pair.first, pair.second, pair.verdict) == ("a/x", "b/x", "slower")
    assert (pair.first_p50_ns, pair.second_p50_ns) == pytest.approx((500_000, 550_000), rel=0.01)
    assert pair.comparison.low is not None
    assert 1.08 < pair.comparison.low < pair.comparison.ratio < 1.12
    assert [one.name for one in lost(candidates)] == ["c/x"]


def test_what_was_not_timed_is_no_reference(result: Result) -> None:
    refused = replace(timed(result, "a/x"), latency=None, rejected_because="cannot load")
    assert judged([refused, timed(result, "a/y"), timed(result, "b/x", 1.5)]) == {("b/x", "a/y"): "slower"}
    assert judged([refused]) == {}


def test_p_values_are_adjusted_for_the_number_of_candidates(result: Result) -> None:
    candidates = [timed(result, "a/x"), *(timed(result, f"{name}/x", 1.5) for name in "bcd")]
    pairs = side_by_side(candidates, list("abcd"), 0.02, 0)
    assert [pair.p_holm for pair in pairs] == [3 * 2 / 2**10] * 3


def test_of_an_invalid_measurement_nothing_good_is_said(result: Result) -> None:
    bad = replace(timed(result, "b/x", 0.5), validity=Validity("invalid"))
    assert judged([timed(result, "a/x"), bad]) == {("b/x", "a/x"): "inconclusive"}


def test_only_what_others_could_do_is_lost(result: Result) -> None:
    broken, never = (
        replace(timed(result, name), latency=None, rejected_because="cannot load") for name in ("b/x", "b/z")
    )
    assert [one.name for one in lost([timed(result, "a/x"), broken, never])] == ["b/x"]
