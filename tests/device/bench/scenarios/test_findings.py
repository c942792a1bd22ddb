from __future__ import annotations

from dataclasses import replace

from edgetl.device.bench.scenarios.findings import pacing_findings
from edgetl.device.bench.timing import Timed
from edgetl.scenario import SINGLE_STREAM, Scenario

MS = 1_000_000
PERIODIC = Scenario("periodic", rate_hz=100)
FINE = Timed(
    (4 * MS,) * 40,
    (20, 20),
    9,
    True,
    block_items=(20, 20),
    service_ns=(4 * MS,) * 40,
    dropped=0,
    backlogs=(0, 0),
    late_start_p99_ns=20_000,
)


def codes(timed: Timed, scenario: Scenario = PERIODIC) -> list[str]:
    return [finding.code for finding in pacing_findings(timed, scenario)]


def test_a_light_load_has_no_finding() -> None:
    assert codes(FINE) == []


def test_work_that_arrives_faster_than_it_is_done_is_an_overload() -> None:
    (finding,) = pacing_findings(replace(FINE, service_ns=(12 * MS,) * 40, backlogs=(9, 17)), PERIODIC)
    assert (finding.code, finding.severity) == ("W-OVERLOAD", "invalid")
    done = "100 inferences are due in a second, and 83.3 can be done (12.00 ms each, utilisation 1.2)"
    assert f"{done}; up to 17 were waiting" in finding.message


def test_a_run_that_was_ended_early_says_so() -> None:
    timed = replace(FINE, service_ns=(12 * MS,) * 40, backlogs=(9, 1000), is_cut_short=True)
    (finding,) = pacing_findings(timed, PERIODIC)
    assert "ended early, when 1,000 or more were waiting" in finding.message
    assert finding.evidence["utilisation"] == 1.2


def test_a_queue_that_grew_by_much_of_the_work_is_an_overload() -> None:
    assert codes(replace(FINE, backlogs=(0, 11))) == ["W-OVERLOAD"]


def test_a_queue_that_was_worked_off_is_none() -> None:
    assert codes(replace(FINE, backlogs=(21, 10))) == []


def test_a_load_that_just_fits_is_none() -> None:
    assert codes(replace(FINE, service_ns=(10 * MS,) * 40)) == []


def test_a_queue_that_drops_cannot_grow() -> None:
    scenario = Scenario("periodic", rate_hz=100, backlog="drop")
    assert codes(replace(FINE, service_ns=(12 * MS,) * 40, dropped=20), scenario) == []


def test_starts_later_than_one_per_cent_of_the_latency_are_named() -> None:
    (finding,) = pacing_findings(replace(FINE, late_start_p99_ns=50_000), PERIODIC)
    assert (finding.code, finding.severity) == ("W-LATE-START", "note")
    assert "50.0 us or more" in finding.message


def test_without_a_rate_nothing_can_be_late() -> None:
    assert codes(FINE, SINGLE_STREAM) == []
