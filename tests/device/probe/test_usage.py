from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.device.probe.usage import busy_share, usage, usage_findings
from edgetl.machine_state import CpuTime, Usage
from edgetl.validity import Finding

MakeTree = Callable[..., Path]
NOTHING = Usage(major_faults=None, involuntary_switches=None, swapped_bytes=None, quota_stops=None)


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.code for finding in findings]


def test_nothing_is_known_of_nothing(make_tree: MakeTree) -> None:
    found = usage(make_tree())
    assert found == NOTHING
    assert usage_findings(found, found) == ()
    assert busy_share(found, found) is None


def test_own_counters_are_those_of_all_threads_and_of_the_processes_that_belong_to_it(make_tree: MakeTree) -> None:
    stat = "{} (x) R 1 1 1 0 -1 0 0 0 {} {} {} {} {} {} 20 0\n"
    files = {
        "proc/self/stat": stat.format(1, 3, 4, 10, 20, 30, 40),
        "proc/77/stat": stat.format(77, 5, 0, 100, 0, 0, 0),
        "proc/77/task/77/status": "nonvoluntary_ctxt_switches:\t5\n",
        "proc/stat": "cpu0 200 0 0 700 50 0 0 50 0 0\n",
    }
    root = make_tree("laptop", files)
    alone, both = usage(root), usage(root, children=("77", "78"))
    assert (alone.major_faults, both.major_faults) == (7, 12)
    assert (alone.involuntary_switches, both.involuntary_switches) == (6, 11)
    assert alone.cpu_time == CpuTime(capacity_s=10.0, busy_s=2.5, stolen_s=0.5, own_s=1.0, cpus=1.0)
    assert both.cpu_time == CpuTime(capacity_s=10.0, busy_s=2.5, stolen_s=0.5, own_s=2.0, cpus=1.0)


def test_hyper_threads_share_a_counter_and_cores_share_their_packages(make_tree: MakeTree) -> None:
    assert usage(make_tree("laptop")).throttle_counts == {"core_throttle": 7, "package_throttle": 9}


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("orin", {"oc1": 0, "oc3": 15}),
        ("pi", {"pi_under_voltage": 1, "pi_frequency_capped": 0, "pi_throttled": 1, "pi_soft_temperature_limit": 0}),
    ],
)
def test_boards_have_counters_of_their_own(make_tree: MakeTree, machine: str, expected: dict[str, int]) -> None:
    assert usage(make_tree(machine)).throttle_counts == expected


def test_a_container_that_was_stopped_is_noticed(make_tree: MakeTree) -> None:
    before = usage(make_tree("container"))
    after = usage(make_tree("container", {"sys/fs/cgroup/docker/1/cpu.stat": "nr_throttled 12\n"}))
    (finding,) = usage_findings(before, after)
    assert (finding.code, finding.severity, finding.evidence) == ("W-QUOTA", "degraded", {"quota_stops": 5.0})
    assert "--cpus" in finding.message


def test_over_current_makes_a_run_invalid(make_tree: MakeTree) -> None:
    before = usage(make_tree("orin"))
    after = usage(make_tree("orin", {"sys/class/hwmon/hwmon3/oc3_event_cnt": "17\n"}))
    (finding,) = usage_findings(before, after)
    assert (finding.code, finding.severity, finding.evidence) == ("W-THROTTLED", "invalid", {"oc3": 2.0})


def test_bits_that_were_set_before_do_not_count_and_new_ones_name_the_supply(make_tree: MakeTree) -> None:
    path = "sys/devices/platform/soc/soc:firmware/get_throttled"
    hot, weak = usage(make_tree("pi", {path: "80000\n"})), usage(make_tree("pi", {path: "d0001\n"}))
    assert usage_findings(hot, hot) == ()
    throttled, supply = usage_findings(hot, weak)
    assert (throttled.code, throttled.evidence) == ("W-THROTTLED", {"pi_throttled": 1.0})
    assert (supply.code, supply.evidence) == ("W-POWER-SOURCE", {"pi_under_voltage": 1.0})


@pytest.mark.parametrize("name", ["pi_under_voltage", "oc1"])
def test_a_weak_supply_that_slowed_nothing_down_is_no_throttling(name: str) -> None:
    (finding,) = usage_findings(Usage(0, 0, 0, 0, {name: 0}), Usage(0, 0, 0, 0, {name: 1}))
    assert (finding.code, finding.severity) == ("W-POWER-SOURCE", "degraded")


def test_a_counter_that_only_one_reading_has_says_nothing() -> None:
    after = Usage(7, 7, 1 << 30, 7, {"oc1": 7})
    assert usage_findings(NOTHING, after) == ()
    assert usage_findings(after, NOTHING) == ()


def test_a_counter_that_began_anew_says_nothing() -> None:
    assert usage_findings(Usage(9, 9, 9 << 20, 9, {"oc1": 9}), Usage(1, 1, 1, 1, {"oc1": 1})) == ()


@pytest.mark.parametrize("after", [Usage(11, 0, 0, 0), Usage(0, 0, (1 << 20) + 1, 0)], ids=["faults", "swap"])
def test_waiting_for_the_disk_is_noticed(after: Usage) -> None:
    assert codes(usage_findings(Usage(0, 0, 0, 0), after)) == ["W-MEMORY"]


def test_a_few_pages_read_late_are_no_finding() -> None:
    assert usage_findings(Usage(0, 0, 0, 0), Usage(10, 0, 1 << 20, 0)) == ()


def after(busy_s: float, own_s: float, stolen_s: float = 0.0) -> Usage:
    return Usage(0, 4, 0, 0, {}, CpuTime(20.0, busy_s, stolen_s, own_s, cpus=2.0))


BEFORE = Usage(0, 1, 0, 0, {}, CpuTime(0.0, 0.0, 0.0, 0.0, cpus=2.0))


def test_work_of_others_is_named_in_percent() -> None:
    (finding,) = usage_findings(BEFORE, after(busy_s=15.0, own_s=8.0, stolen_s=2.0))
    assert finding.code == "W-LOAD"
    assert "others took 35 % of the CPUs while measuring (a hypervisor's other machines 10 %)" in finding.message
    assert "make room 3 times" in finding.message
    assert finding.evidence == {"busy_share": pytest.approx(0.35), "stolen_share": 0.1, "involuntary_switches": 3.0}


def test_own_work_is_no_load_by_others() -> None:
    assert busy_share(BEFORE, after(busy_s=20.0, own_s=20.01)) == 0.0


@pytest.mark.parametrize(("others_s", "expected"), [(2.0, []), (2.5, ["W-LOAD"])])
def test_more_than_a_tenth_of_the_cpus_is_load(others_s: float, expected: list[str]) -> None:
    assert codes(usage_findings(BEFORE, after(busy_s=10.0, own_s=10.0 - others_s))) == expected


@pytest.mark.parametrize(
    ("cpus", "taken_cpus", "threads", "expected"),
    [
        pytest.param(12, 1.0, 12, ["W-LOAD"], id="a whole one of 12, all needed"),
        pytest.param(12, 0.4, 12, [], id="less than half of one"),
        pytest.param(12, 1.0, 11, [], id="one that nobody needs"),
        pytest.param(12, 1.0, None, [], id="threads unknown"),
        pytest.param(64, 4.0, 64, ["W-LOAD"], id="four of 64, all needed"),
        pytest.param(4, 0.3, 4, [], id="a little of four"),
    ],
)
def test_a_cpu_that_inference_needs_and_others_take_is_load(
    cpus: int, taken_cpus: float, threads: int | None, expected: list[str]
) -> None:
    before, after = (
        Usage(0, 0, 0, 0, {}, CpuTime(cpus * time_s, taken_cpus * time_s, 0.0, 0.0, cpus)) for time_s in (10.0, 20.0)
    )
    assert codes(usage_findings(before, after, threads)) == expected


def test_load_that_is_little_of_all_says_whose_cpu_it_took() -> None:
    before, after = (Usage(0, 0, 0, 0, {}, CpuTime(12 * s, s, 0.0, 0.0, 12)) for s in (10.0, 20.0))
    (finding,) = usage_findings(before, after, 12)
    assert "took 8 % of the CPUs while measuring, which is 1.0 of 12 that 12 threads need" in finding.message


def in_a_container(own: int, used_us: int, busy: int, files: dict[str, str] | None = None) -> dict[str, str]:
    """A second later on eight CPUs: own ticks, microseconds of all its processes, ticks in which each CPU was busy."""
    rows = "".join(f"cpu{cpu} {1000 + busy} 0 0 {1100 - busy} 0 0 0 0 0 0\n" for cpu in range(8))
    return {
        "proc/stat": rows,
        "proc/self/stat": f"1 (x) R 1 1 1 0 -1 0 0 0 0 0 {own} 0 0 0 20 0\n",
        "sys/fs/cgroup/docker/1/cpu.stat": f"usage_usec {used_us}\nnr_throttled 7\n",
        **(files or {}),
    }


EARLIER = {"proc/stat": "".join(f"cpu{cpu} 1000 0 0 1000 0 0 0 0 0 0\n" for cpu in range(8))}


def test_under_a_quota_a_busy_machine_is_no_load(make_tree: MakeTree) -> None:
    before = usage(make_tree("container", in_a_container(0, 0, 0, EARLIER)))
    after = usage(make_tree("container", in_a_container(own=140, used_us=1_400_000, busy=100)))
    assert busy_share(before, after) == 0.0
    assert usage_findings(before, after) == ()


def test_under_a_quota_others_in_the_container_are_load(make_tree: MakeTree) -> None:
    before = usage(make_tree("container", in_a_container(0, 0, 0, EARLIER)))
    after = usage(make_tree("container", in_a_container(own=90, used_us=1_500_000, busy=20)))
    (finding,) = usage_findings(before, after)
    assert finding.code == "W-LOAD"
    assert "others took 40 % of the container's CPU quota while measuring" in finding.message
    assert after.cpu_time is not None
    assert after.cpu_time.cpus == 1.5
    assert finding.evidence["busy_share"] == pytest.approx(0.4)


def test_under_a_quota_what_a_hypervisor_takes_is_load(make_tree: MakeTree) -> None:
    before = usage(make_tree("container", in_a_container(0, 0, 0, EARLIER)))
    stolen = {"proc/stat": "".join(f"cpu{cpu} 1050 0 0 1000 0 0 0 50 0 0\n" for cpu in range(8))}
    after = usage(make_tree("container", in_a_container(140, 1_400_000, 0, stolen)))
    assert busy_share(before, after) == pytest.approx(0.5)


def test_a_quota_of_all_cpus_leaves_the_machine_to_others(make_tree: MakeTree) -> None:
    roomy = {"sys/fs/cgroup/docker/1/cpu.max": "800000 100000\n"}
    before = usage(make_tree("container", in_a_container(0, 0, 0, {**EARLIER, **roomy})))
    after = usage(make_tree("container", in_a_container(400, 4_000_000, 100, roomy)))
    assert busy_share(before, after) == pytest.approx(0.5)


def test_load_under_a_quota_that_counts_nothing_is_unknown(make_tree: MakeTree) -> None:
    silent = {"sys/fs/cgroup/docker/1/cpu.stat": "nr_throttled 7\n"}
    before = usage(make_tree("container", in_a_container(0, 0, 0, {**EARLIER, **silent})))
    after = usage(make_tree("container", in_a_container(0, 0, 100, silent)))
    assert busy_share(before, after) is None


def test_busy_neighbours_are_noticed_on_this_machine() -> None:
    cpus = len(os.sched_getaffinity(0))
    burn = [sys.executable, "-S", "-c", "print('on', flush=True)\nwhile True: pass"]
    neighbours = [subprocess.Popen(burn, stdout=subprocess.PIPE, text=True) for _ in range(cpus)]
    try:
        for neighbour in neighbours:
            assert neighbour.stdout is not None
            assert neighbour.stdout.readline() == "on\n"
        before = usage()
        time.sleep(1.0)
        found = usage_findings(before, usage())
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.communicate()
    (load,) = [finding for finding in found if finding.code == "W-LOAD"]
    share = load.evidence["busy_share"]
    assert isinstance(share, float)
    assert share > 0.5


def test_the_kernels_count_of_own_time_is_the_clocks() -> None:
    before, start = usage(), time.process_time()
    while time.process_time() - start < 0.3:
        pass
    after = usage()
    assert before.cpu_time is not None
    assert after.cpu_time is not None
    assert after.cpu_time.own_s - before.cpu_time.own_s == pytest.approx(0.3, abs=0.1)
