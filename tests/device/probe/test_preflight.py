from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from edgetl.device.probe.cpu import cpu
from edgetl.device.probe.preflight import allowed_cpus, preflight
from edgetl.device.probe.state import machine_state
from edgetl.environment import Cpu, Environment
from edgetl.machine_state import MachineState, Pressure
from edgetl.validity import Finding

MakeTree = Callable[..., Path]
VNNI = ("avx2", "avx512_vnni")
CHILD = """
import os
from pathlib import Path
from edgetl.device.probe.cpu import cpu
from edgetl.device.probe.cpu import cpu
from edgetl.device.probe.preflight import preflight
from edgetl.device.probe.state import machine_state
from edgetl.environment import Environment
os.sched_setaffinity(0, {keep})
here = Environment("Linux", "6", "3.11", "0", cpu(Path("/")), None, None, None, {{}})
for finding in preflight(machine_state(), here, threads={threads}):
    print(finding.code, finding.message)
"""


def machine(cpus: int = 4, architecture: str = "x86_64", isa: tuple[str, ...] = VNNI, gib: int = 8) -> Environment:
    return Environment(
        "Linux", "6.1", "3.11", "0.1", Cpu("Example", architecture, isa, cpus, cpus), gib << 30, None, None, {}
    )


def found(state: MachineState, here: Environment, threads: int | None = 1, streams: int = 1) -> dict[str, Finding]:
    return {finding.code: finding for finding in preflight(state, here, threads, streams)}


def test_nothing_speaks_against_a_machine_of_which_nothing_is_known(make_tree: MakeTree) -> None:
    assert preflight(machine_state(make_tree()), machine(), 4) == ()


def test_a_quiet_server_has_only_turbo(make_tree: MakeTree) -> None:
    (turbo,) = preflight(machine_state(make_tree("server")), machine(12), 12)
    assert (turbo.code, turbo.severity) == ("W-TURBO", "note")
    assert "between 1,200 and 2,600 MHz" in turbo.message
    assert "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost" in turbo.message


def test_a_laptop_that_saves_power(make_tree: MakeTree) -> None:
    findings = found(machine_state(make_tree("laptop")), machine())
    assert set(findings) == {"W-GOVERNOR", "W-TURBO"}
    assert "'powersave' changes the clock of 4 of 4 CPUs between 400 and 4,200 MHz" in findings["W-GOVERNOR"].message
    assert "scaling_governor" in findings["W-GOVERNOR"].message
    assert "intel_pstate/no_turbo" in findings["W-TURBO"].message


def test_a_jetson_is_told_to_pin_its_clocks(make_tree: MakeTree) -> None:
    findings = found(machine_state(make_tree("orin")), machine(6, "aarch64", ("asimd", "asimddp")))
    assert set(findings) == {"W-GOVERNOR", "W-CLOCKS"}
    assert all("sudo jetson_clocks" in finding.message for finding in findings.values())
    assert "gpu 17000000.gpu is between 306 and 625 MHz" in findings["W-CLOCKS"].message
    assert "emc" not in findings["W-CLOCKS"].message


def test_pinned_clocks_are_no_finding_whatever_the_governor(make_tree: MakeTree) -> None:
    pinned = {f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_min_freq": "1510400\n" for cpu in range(6)}
    pinned["sys/class/devfreq/17000000.gpu/min_freq"] = "624750000\n"
    state = machine_state(make_tree("orin", pinned))
    assert preflight(state, machine(6, "aarch64", ("asimddp",)), 6) == ()


def test_a_raspberry_pi_with_a_weak_supply(make_tree: MakeTree) -> None:
    finding = found(machine_state(make_tree("pi")), machine(4, "aarch64", ("asimddp",)))["W-POWER-SOURCE"]
    assert finding.severity == "degraded"
    assert "now: under-voltage; vcgencmd get_throttled prints 0x50001" in finding.message


@pytest.mark.parametrize(("flags", "is_found"), [("0", False), ("80008", False), ("10000", True), ("1", True)])
def test_only_the_supplys_bits_name_the_supply(make_tree: MakeTree, flags: str, is_found: bool) -> None:
    root = make_tree("pi", {"sys/devices/platform/soc/soc:firmware/get_throttled": f"{flags}\n"})
    assert ("W-POWER-SOURCE" in found(machine_state(root), machine())) == is_found


def test_a_container_with_a_quota_and_little_memory(make_tree: MakeTree) -> None:
    state, here = machine_state(make_tree("container")), machine(8, gib=1)
    findings = found(state, here, threads=2)
    assert set(findings) == {"W-THREADS", "W-MEMORY"}
    assert findings["W-THREADS"].message == (
        "2 threads wait for each other on 1 CPU that this process may use (affinity 0-7, quota 1.5 CPUs); "
        "use --threads 1"
    )
    assert "20 MB of memory are free" in findings["W-MEMORY"].message
    assert allowed_cpus(state, here) == 1


@pytest.mark.parametrize(
    ("files", "threads"),
    [
        pytest.param({}, 1, id="docker --cpus 1.5"),
        pytest.param({"sys/fs/cgroup/docker/1/cpu.max": "300000 100000\n"}, 3, id="docker --cpus 3"),
        pytest.param({"sys/fs/cgroup/docker/1/cpu.max": "50000 100000\n"}, 1, id="docker --cpus 0.5"),
        pytest.param({"sys/fs/cgroup/docker/1/cpu.max": "max 100000\n"}, 8, id="docker"),
        pytest.param(
            {"sys/fs/cgroup/docker/1/cpu.max": "300000 100000\n", "proc/self/status": "Cpus_allowed_list:\t6-7\n"},
            2,
            id="docker --cpus 3 --cpuset-cpus 6-7",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/\n",
                "sys/fs/cgroup/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/docker/1/cpu.max": "max 100000\n",
            },
            1,
            id="docker --cpus 1.5 in a name space of its own",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/docker/1/cpu.max": "max 100000\n",
            },
            1,
            id="docker --cpus 1.5 on cgroup v1",
        ),
    ],
)
def test_as_many_threads_as_the_container_allows_are_the_default_and_one_more_is_named(
    make_tree: MakeTree, files: dict[str, str], threads: int
) -> None:
    root = make_tree("container", {**files, "proc/cpuinfo": "".join(f"processor : {cpu}\n" for cpu in range(8))})
    state, here = machine_state(root), machine(8)
    default = cpu(root).allowed_cpus
    assert default == allowed_cpus(state, here) == threads
    assert "W-THREADS" not in found(state, here, default)
    assert found(state, here, default + 1)["W-THREADS"].message.endswith(f"use --threads {threads}")


@pytest.mark.parametrize(
    ("threads", "streams", "who", "advice"),
    [
        (2, 2, "4 threads (2 in each of 2 streams)", "use --threads 1"),
        (2, 3, "6 threads (2 in each of 3 streams)", "use --streams 2 or fewer, with --threads 1"),
        (1, 3, "3 threads (1 in each of 3 streams)", "use --streams 2 or fewer, with --threads 1"),
        (4, 1, "4 threads wait", "use --threads 2"),
    ],
)
def test_what_is_advised_for_threads_in_streams_would_do(
    make_tree: MakeTree, threads: int, streams: int, who: str, advice: str
) -> None:
    state = msgspec.structs.replace(machine_state(make_tree()), affinity=(0, 1))
    said = found(state, machine(2), threads, streams)["W-THREADS"]
    assert said.message.startswith(who)
    assert said.message.endswith(advice)
    assert said.evidence == {"threads": float(threads * streams), "allowed_cpus": 2.0}


@pytest.mark.parametrize("streams", [1, 2, 3, 5, 8, 9])
def test_advised_threads_wait_for_nobody(make_tree: MakeTree, streams: int) -> None:
    state = msgspec.structs.replace(machine_state(make_tree()), affinity=tuple(range(8)))
    words = found(state, machine(8), 9, streams)["W-THREADS"].message.split()
    advised = {option: int(words[words.index(option) + 1]) for option in ("--threads", "--streams") if option in words}
    assert "W-THREADS" not in found(state, machine(8), advised["--threads"], advised.get("--streams", streams))


def test_cpus_that_a_power_mode_switched_off_are_not_allowed_ones(make_tree: MakeTree) -> None:
    root = make_tree("orin", {"sys/devices/system/cpu/online": "0-3\n"})
    state, here = machine_state(root), machine(4, "aarch64", ("asimddp",))
    assert state.affinity == (0, 1, 2, 3)
    assert cpu(root).allowed_cpus == 4
    assert set(found(state, here, 6)) == {"W-GOVERNOR", "W-CLOCKS", "W-THREADS"}


@pytest.mark.parametrize("threads", [None, 1])
def test_a_quota_below_one_cpu_allows_one_thread(make_tree: MakeTree, threads: int | None) -> None:
    root = make_tree("container", {"sys/fs/cgroup/docker/1/cpu.max": "50000 100000\n"})
    assert "W-THREADS" not in found(machine_state(root), machine(8), threads)


def test_clocks_of_cpus_that_may_not_be_used_do_not_count(make_tree: MakeTree) -> None:
    files = {"proc/self/status": "Cpus_allowed_list:\t1\n"}
    files |= {"sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance\n"}
    findings = found(machine_state(make_tree("laptop", files)), machine())
    assert set(findings) == {"W-TURBO", "W-AFFINITY"}
    assert "1 of 4 CPUs (1); to allow all: taskset -c 0-3" in findings["W-AFFINITY"].message


def test_watched_load_decides_and_the_load_average_only_where_it_is_unknown(make_tree: MakeTree) -> None:
    state = machine_state(make_tree("server", {"proc/loadavg": "9.00 1.00 1.00 1/9 9\n"}))
    assert "load average is 9.0 on 12 CPUs" in found(state, machine(12))["W-LOAD"].message
    quiet = msgspec.structs.replace(state, load_by_others=0.1)
    assert "W-LOAD" not in found(quiet, machine(12)), "the load average is that of our own last run"
    busy = found(msgspec.structs.replace(state, load_by_others=0.42), machine(12))["W-LOAD"]
    assert "others take 42 % of the 12 CPUs" in busy.message
    assert busy.evidence == {"load_by_others": 0.42, "load_average": 9.0, "cpu_pressure": 0.025}


@pytest.mark.parametrize(("threads", "streams", "is_found"), [(12, 1, True), (4, 3, True), (11, 1, False)])
def test_a_whole_cpu_of_many_is_load_where_threads_need_it(
    make_tree: MakeTree, threads: int, streams: int, is_found: bool
) -> None:
    state = msgspec.structs.replace(machine_state(make_tree("server")), load_by_others=1 / 12)
    assert ("W-LOAD" in found(state, machine(12), threads, streams)) == is_found


def test_under_a_quota_load_is_told_of_the_quota_and_never_of_the_machine(make_tree: MakeTree) -> None:
    state = machine_state(make_tree("container", {"proc/loadavg": "60.00 1.00 1.00 1/9 9\n"}))
    assert "W-LOAD" not in found(state, machine(8)), "the load average is that of the whole machine"
    busy = found(msgspec.structs.replace(state, load_by_others=0.42), machine(8))["W-LOAD"]
    assert "others take 42 % of the container's quota of 1.5 CPUs" in busy.message
    roomy = msgspec.structs.replace(state, load_by_others=0.42, cpu_quota=8.0)
    assert "others take 42 % of the 8 CPUs" in found(roomy, machine(8))["W-LOAD"].message, "such a quota limits nothing"
    pressed = msgspec.structs.replace(state, pressure=Pressure(0.35, None, None))
    assert "waited for a CPU in 35 % of the last 10 s" in found(pressed, machine(8))["W-LOAD"].message


def test_tasks_that_waited_are_load_when_nothing_else_is_known(make_tree: MakeTree) -> None:
    root = make_tree("nothing", {"proc/pressure/cpu": "some avg10=35.00 avg60=0.00 avg300=0.00 total=1\n"})
    assert "waited for a CPU in 35 % of the last 10 s" in found(machine_state(root), machine())["W-LOAD"].message


@pytest.mark.parametrize(
    ("architecture", "isa", "is_found"),
    [
        ("x86_64", ("avx2",), True),
        ("x86_64", ("avx2", "avx_vnni"), False),
        ("aarch64", ("asimd",), True),
        ("aarch64", ("asimd", "asimddp"), False),
    ],
)
def test_a_cpu_without_int8_dot_product_is_named(
    make_tree: MakeTree, architecture: str, isa: tuple[str, ...], is_found: bool
) -> None:
    assert ("W-ISA-INT8" in found(machine_state(make_tree()), machine(4, architecture, isa))) == is_found


def test_a_cpu_taken_away_is_noticed_on_this_machine() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    code = CHILD.format(keep={cpus[0]}, threads=len(cpus))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert f"({cpus[0]})" in said["W-AFFINITY"]
    assert said["W-THREADS"].startswith(f"{len(cpus)} threads wait for each other on 1 CPU that")
