from __future__ import annotations

from edgetl.device.sensors.clocks import SENSOR

CPUS = "sys/devices/system/cpu"


def test_cpus_that_share_a_clock_are_told_once_in_hertz(device, told) -> None:
    for number in range(12):
        group = "0 1 2 3" if number < 4 else str(number)
        device.has({"scaling_cur_freq": 1_000_000 + number, "affected_cpus": group}, f"{CPUS}/cpu{number}/cpufreq")
    device.has({"driver": ""}, f"{CPUS}/cpuidle")
    clocks = told(device.open(SENSOR))
    assert list(clocks) == ["cpu0-3", *(f"cpu{number}" for number in range(4, 12))]
    assert clocks["cpu0-3"] == 1_000_000_000
    assert clocks["cpu11"] == 1_000_011_000


def test_gpus_are_found_by_their_names(device, told) -> None:
    device.has({"cur_freq": 918_000_000}, "sys/class/devfreq/17000000.ga10b")
    device.has({"cur_freq": 1_574_000_000}, "sys/class/devfreq/gpu-gpc-0")
    device.has({"cur_freq": 76_800_000}, "sys/devices/gpu.0/devfreq/57000000.gpu")
    device.has({"cur_freq": 500_000_000}, "sys/class/devfreq/odd")
    device.has({"name": "gv11b\0"}, "sys/class/devfreq/odd/device/of_node")
    device.has({"cur_freq": 1}, "sys/class/devfreq/15340000.vic")
    assert told(device.open(SENSOR)) == {
        "gpu 17000000.ga10b": 918_000_000,
        "gpu gpu-gpc-0": 1_574_000_000,
        "gpu odd": 500_000_000,
        "gpu 57000000.gpu": 76_800_000,
    }


def test_clock_of_a_cpu_that_is_switched_off_is_unknown(device, told) -> None:
    device.has({"scaling_cur_freq": 1_500_000}, f"{CPUS}/cpu0/cpufreq")
    source = device.open(SENSOR)
    (device.root / CPUS / "cpu0/cpufreq/scaling_cur_freq").unlink()
    assert told(source) == {"cpu0": None}
