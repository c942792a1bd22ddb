from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.device.probe.state import machine_state
from edgetl.machine_state import Clock, MachineState, Pressure

MakeTree = Callable[..., Path]


def test_a_server(make_tree: MakeTree) -> None:
    state = machine_state(make_tree("server"))
    assert [clock.name for clock in state.clocks] == [f"cpu{cpu}" for cpu in range(12)]
    assert state.clocks[10] == Clock(
        "cpu10", 2_600_000_000, 1_200_000_000, 2_600_000_000, "performance", "acpi-cpufreq"
    )
    assert (state.turbo, state.isolated_cpus, state.load_average) == ("on", "10-11", 1.25)
    assert state.affinity == tuple(range(12))
    assert state.pressure == Pressure(cpu=0.025, memory=0.0, io=None)
    assert (state.memory_available_bytes, state.swap_used_bytes) == (60_000_000 * 1024, 1_500 * 1024)


@pytest.mark.parametrize(
    ("files", "turbo"),
    [
        pytest.param({"intel_pstate/no_turbo": "0\n"}, "on", id="intel"),
        pytest.param({"intel_pstate/no_turbo": "1\n"}, "off", id="intel forbidden"),
        pytest.param({"cpufreq/boost": "0\n"}, "off", id="boost forbidden"),
        pytest.param({"cpufreq/boost": "on\n"}, None, id="strange"),
    ],
)
def test_turbo_is_told_by_two_files(make_tree: MakeTree, files: dict[str, str], turbo: str | None) -> None:
    files = {f"sys/devices/system/cpu/{name}": text for name, text in files.items()}
    assert machine_state(make_tree("nothing", files)).turbo == turbo


def test_a_jetson(make_tree: MakeTree) -> None:
    state = machine_state(make_tree("orin"))
    assert (state.platform_release, state.jetpack, state.power_mode) == ("R36.4.3", "6.x", "7W (1)")
    gpu, memory = state.clocks[6:]
    assert gpu == Clock("gpu 17000000.gpu", 306_000_000, 306_000_000, 624_750_000, "nvhost_podgov")
    assert gpu.is_pinned is False
    assert (memory.name, memory.is_pinned) == ("emc", True)


def test_the_gpu_is_found_by_its_name_in_the_device_tree(make_tree: MakeTree) -> None:
    folder = "sys/class/devfreq/gpu-gpc-0"
    files = {f"{folder}/device/of_node/name": "gb10b\0", f"{folder}/cur_freq": "314000000\n"}
    assert machine_state(make_tree("nothing", files)).clocks == (Clock("gpu gpu-gpc-0", 314_000_000, None, None),)


def test_a_jetson_whose_status_cannot_be_read_is_asked(make_tree: MakeTree) -> None:
    asked: list[tuple[str, ...]] = []

    def run(command: tuple[str, ...]) -> str | None:
        asked.append(command)
        return "NV Fan Mode:quiet\nNV Power Mode: MODE_15W\n2\n"

    root = make_tree("orin", {"var/lib/nvpmodel/status": ""})
    assert machine_state(root).power_mode is None
    assert machine_state(root, run).power_mode == "MODE_15W (2)"
    assert asked == [("nvpmodel", "-q")]


def test_nothing_but_a_jetson_is_asked(make_tree: MakeTree) -> None:
    def run(command: tuple[str, ...]) -> str | None:
        raise AssertionError(command)

    assert machine_state(make_tree("pi"), run).power_mode is None


def test_a_raspberry_pi(make_tree: MakeTree) -> None:
    assert machine_state(make_tree("pi")).pi_throttled == 0x50001


def test_a_container(make_tree: MakeTree) -> None:
    state = machine_state(make_tree("container"))
    assert state.cpu_quota == 1.5
    assert state.memory_available_bytes == 20_000_000, "cached files of the container count as free"


def test_what_cannot_be_read_is_unknown(make_tree: MakeTree) -> None:
    make_tree("nothing", {"empty": ""})
    assert machine_state(make_tree(), window_s=0.0) == MachineState(
        clocks=(),
        turbo=None,
        power_mode=None,
        platform_release=None,
        jetpack=None,
        load_average=None,
        pressure=Pressure(None, None, None),
        memory_available_bytes=None,
        swap_used_bytes=None,
        cpu_quota=None,
        affinity=(),
        isolated_cpus=None,
    )


def test_load_by_others_is_watched_for_as_long_as_asked(make_tree: MakeTree) -> None:
    """Two CPUs may be used; in 1 s each, others run 0.5 s on one of them, this process 0.3 s on the other."""
    slept: list[float] = []
    root = make_tree("nothing", stat(cpu0=(0, 0), cpu1=(0, 0), cpu2=(0, 0), own=0))

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        make_tree("nothing", stat(cpu0=(50, 50), cpu1=(30, 70), cpu2=(100, 0), own=30))

    assert machine_state(root, window_s=1.0, sleep=sleep).load_by_others == pytest.approx(0.25)
    assert slept == [1.0]


@pytest.mark.parametrize(("others_us", "expected"), [(0, 0.0), (300_000, 0.2)])
def test_under_a_quota_those_count_that_share_it(make_tree: MakeTree, others_us: int, expected: float) -> None:
    """The machine is busy in both cases; the container may use 1.5 CPUs, of which this process took 0.3."""
    group = "sys/fs/cgroup/docker/1/cpu.stat"
    root = make_tree("container", {**stat(cpu0=(0, 0), cpu1=(0, 0), own=0), group: "usage_usec 7000000\n"})

    def sleep(_: float) -> None:
        usage = 7_000_000 + 300_000 + others_us
        make_tree("container", {**stat(cpu0=(100, 0), cpu1=(100, 0), own=30), group: f"usage_usec {usage}\n"})

    assert machine_state(root, window_s=1.0, sleep=sleep).load_by_others == pytest.approx(expected)


def test_under_a_quota_the_load_of_the_machine_says_nothing(make_tree: MakeTree) -> None:
    files = {
        **stat(cpu0=(0, 0), cpu1=(0, 0), own=0),
        "sys/fs/cgroup/docker/1/cpu.stat": "nr_throttled 7\n",
        "proc/pressure/cpu": "some avg10=90.00 avg60=0.00 avg300=0.00 total=1\n",
    }
    state = machine_state(make_tree("container", files), window_s=1.0, sleep=lambda _: None)
    assert (state.load_by_others, state.pressure.cpu) == (None, None)
    files["sys/fs/cgroup/docker/1/cpu.pressure"] = "some avg10=35.00 avg60=0.00 avg300=0.00 total=1\n"
    assert machine_state(make_tree("container", files)).pressure.cpu == 0.35


def stat(own: int, **cpus: tuple[int, int]) -> dict[str, str]:
    """Ticks in which CPUs were busy and idle, and own ticks; CPUs 0 and 1 may be used."""
    rows = [f"{name} 1000 0 {busy} {idle + 1} 0 0 0 0 0 0\n" for name, (busy, idle) in cpus.items()]
    return {
        "proc/self/status": "Cpus_allowed_list:\t0-1\n",
        "proc/stat": "cpu 9 9 9 9\n" + "".join(rows) + "intr 5\n",
        "proc/self/stat": f"42 (py (thon) R 1 42 42 0 -1 4194304 104 0 0 0 {own} 0 0 0 20 0 1 0\n",
    }


def test_looking_takes_no_time() -> None:
    start = time.process_time()
    machine_state()
    assert time.process_time() - start < 0.05
