from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from edgetl.device.bench.scenarios.record import deadline_misses, recorded
from edgetl.device.bench.timing import Timed
from edgetl.result import CandidateResult, Heaps
from edgetl.scenario import SINGLE_STREAM, Scenario

MS = 1_000_000
CANDIDATE = CandidateResult("a", "v", "float", "fp32", "onnxruntime", 1, (), None, None, None, None, 10, None)
PACED = Timed(
    (4 * MS, 11 * MS, 10 * MS),
    (3,),
    9,
    True,
    block_starts_ns=(7,),
    block_walls_ns=(30 * MS,),
    block_items=(3,),
    service_ns=(4 * MS, 4 * MS, 4 * MS),
    late=1,
    dropped=2,
    backlogs=(0,),
)


def test_a_paced_run_fills_all_fields_of_its_candidate() -> None:
    found = recorded(CANDIDATE, PACED, Scenario("periodic", rate_hz=100, backlog="drop"), overhead_ns=130.0)
    assert found.latency is not None
    assert found.service is not None
    assert (found.latency.samples_ns, found.latency.block_starts_ns) == (PACED.samples_ns, (7,))
    assert found.service.samples_ns == PACED.service_ns
    assert found.throughput_per_s == pytest.approx(100)
    assert (found.deadline_misses, found.dropped, found.overhead_ns) == (3, 2, 130.0)
    assert msgspec.json.decode(msgspec.json.encode(found), type=CandidateResult) == found


def test_offline_has_throughput_only() -> None:
    timed = Timed((), (), 9, True, (7,), (2_000 * MS,), (500,))
    found = recorded(CANDIDATE, timed, Scenario("offline", streams=2))
    assert found.throughput_per_s == 250
    assert found.latency is found.service is found.deadline_misses is found.dropped is None
    assert found.heaps == Heaps((7,), (2_000 * MS,), (500,))
    assert (found.heaps.samples_ns, found.heaps.blocks) == ((4 * MS,), (1,))
    assert msgspec.json.decode(msgspec.json.encode(found), type=CandidateResult) == found


def test_throughput_counts_the_items_of_a_batch_and_latency_is_of_all() -> None:
    batch = msgspec.structs.replace(CANDIDATE, batch=8)
    found = recorded(batch, PACED, Scenario("periodic", rate_hz=100))
    assert found.throughput_per_s == pytest.approx(8 * 100)
    assert found.latency is not None
    assert found.latency.samples_ns == PACED.samples_ns
    assert found.deadline_misses == 3


def test_times_have_the_scope_of_the_candidate() -> None:
    whole = recorded(msgspec.structs.replace(CANDIDATE, scope="end-to-end"), PACED, Scenario("periodic", rate_hz=100))
    assert whole.latency is not None
    assert whole.service is not None
    assert whole.latency.scope == whole.service.scope == "end-to-end"


def test_late_ones_are_all_that_were_not_only_those_that_were_timed() -> None:
    often = replace(PACED, late=20, dropped=4)
    assert deadline_misses(often, Scenario("server", rate_hz=100, deadline_ns=10 * MS)) == 24


def test_exactly_the_deadline_is_in_time() -> None:
    timed = replace(PACED, late=None, dropped=None)
    assert deadline_misses(timed, Scenario(deadline_ns=10 * MS)) == 1
    assert deadline_misses(timed, Scenario(deadline_ns=11 * MS)) == 0


def test_a_deadline_holds_for_back_to_back_inferences_too() -> None:
    timed = replace(PACED, service_ns=(), late=None, dropped=None)
    assert deadline_misses(timed, Scenario(deadline_ns=4 * MS)) == 2


def test_without_a_deadline_misses_are_unknown() -> None:
    assert deadline_misses(PACED, SINGLE_STREAM) is None
    assert deadline_misses(PACED, Scenario("server", rate_hz=100)) is None
