"""Machines as trees of small files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Files = dict[str, str]
MakeTree = Callable[..., Path]
CPU = "sys/devices/system/cpu"


def cpufreq(cpus: int, governor: str, driver: str, khz: tuple[int, int, int]) -> Files:
    names = ("scaling_cur_freq", "scaling_min_freq", "scaling_max_freq")
    files: Files = {}
    for cpu in range(cpus):
        folder = f"{CPU}/cpu{cpu}/cpufreq"
        files |= {f"{folder}/scaling_governor": f"{governor}\n", f"{folder}/scaling_driver": f"{driver}\n"}
        files |= {f"{folder}/{name}": f"{value}\n" for name, value in zip(names, khz, strict=True)}
    return files


def allowed(cpus: str, switches: int = 3) -> Files:
    status = f"Name:\tpython\nCpus_allowed:\tff\nCpus_allowed_list:\t{cpus}\nnonvoluntary_ctxt_switches:\t{switches}\n"
    return {"proc/self/status": status, "proc/self/task/10/status": status, "proc/self/task/11/status": status}


def heat(cpu: int, core: int, counts: tuple[int, int]) -> Files:
    folder = f"{CPU}/cpu{cpu}"
    return {
        f"{folder}/topology/core_id": f"{core}\n",
        f"{folder}/topology/physical_package_id": "0\n",
        f"{folder}/thermal_throttle/core_throttle_count": f"{counts[0]}\n",
        f"{folder}/thermal_throttle/package_throttle_count": f"{counts[1]}\n",
    }


PRESSURE = "some avg10={} avg60=0.00 avg300=0.00 total=17\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
SERVER: Files = {
    **cpufreq(12, "performance", "acpi-cpufreq", (2_600_000, 1_200_000, 2_600_000)),
    **allowed("0-11"),
    f"{CPU}/cpufreq/boost": "1\n",
    f"{CPU}/isolated": "10-11\n",
    "proc/loadavg": "1.25 1.00 0.75 1/900 4242\n",
    "proc/meminfo": "MemTotal: 64000000 kB\nMemAvailable: 60000000 kB\nSwapTotal: 2000 kB\nSwapFree: 500 kB\n",
    "proc/pressure/cpu": PRESSURE.format("2.50"),
    "proc/pressure/memory": PRESSURE.format("0.00"),
}
LAPTOP: Files = {
    **cpufreq(4, "powersave", "intel_pstate", (1_100_000, 400_000, 4_200_000)),
    **allowed("0-3"),
    **heat(0, 0, (5, 9)),
    **heat(1, 0, (5, 9)),
    **heat(2, 1, (2, 9)),
    **heat(3, 1, (2, 9)),
    f"{CPU}/intel_pstate/no_turbo": "0\n",
}
ORIN: Files = {
    **cpufreq(6, "schedutil", "tegra194", (729_600, 729_600, 1_510_400)),
    **allowed("0-5"),
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 1, BOARD: generic, EABI: aarch64, DATE: Wed Jan 1\n",
    "etc/nvpmodel.conf": "# modes\n< POWER_MODEL ID=0 NAME=15W >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=7W >\n",
    "var/lib/nvpmodel/status": "pmode:0001 fmode:quiet\n",
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "sys/class/devfreq/17000000.gpu/cur_freq": "306000000\n",
    "sys/class/devfreq/17000000.gpu/min_freq": "306000000\n",
    "sys/class/devfreq/17000000.gpu/max_freq": "624750000\n",
    "sys/class/devfreq/17000000.gpu/governor": "nvhost_podgov\n",
    "sys/class/devfreq/15340000.vic/cur_freq": "115200000\n",
    "sys/kernel/debug/bpmp/debug/clk/emc/rate": "2133000000\n",
    "sys/kernel/debug/bpmp/debug/clk/emc/min_rate": "2133000000\n",
    "sys/kernel/debug/bpmp/debug/clk/emc/max_rate": "2133000000\n",
    "sys/class/hwmon/hwmon0/name": "ina3221\n",
    "sys/class/hwmon/hwmon3/name": "soctherm_oc\n",
    "sys/class/hwmon/hwmon3/oc1_event_cnt": "0\n",
    "sys/class/hwmon/hwmon3/oc3_event_cnt": "15\n",
}
PI: Files = {
    **cpufreq(4, "ondemand", "cpufreq-dt", (1_500_000, 1_500_000, 2_400_000)),
    **allowed("0-3"),
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50001\n",
}
CONTAINER: Files = {
    **allowed("0-7"),
    "proc/self/cgroup": "0::/docker/1\n",
    "proc/meminfo": "MemTotal: 64000000 kB\nMemAvailable: 60000000 kB\n",
    "sys/fs/cgroup/docker/1/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/docker/1/cpu.stat": "usage_usec 1\nnr_periods 9\nnr_throttled 7\nthrottled_usec 5\n",
    "sys/fs/cgroup/docker/1/memory.max": "1000000000\n",
    "sys/fs/cgroup/docker/1/memory.current": "990000000\n",
    "sys/fs/cgroup/docker/1/memory.stat": "anon 1\ninactive_file 10000000\n",
}
MACHINES = {"server": SERVER, "laptop": LAPTOP, "orin": ORIN, "pi": PI, "container": CONTAINER, "nothing": {}}


@pytest.fixture
def make_tree(tmp_path: Path) -> MakeTree:
    """Write the files of a machine, other files on top of them; a second call changes what is there."""

    def make(machine: str = "nothing", files: Files | None = None) -> Path:
        for name, text in {**MACHINES[machine], **(files or {})}.items():
            path = tmp_path / "root" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "root"

    return make
