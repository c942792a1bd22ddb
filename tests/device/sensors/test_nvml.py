from __future__ import annotations

import ctypes
from typing import Any

import pytest

from edgetl.device.sensors.nvml import Nvml


class Library:
    """One GPU; functions return 0 or an error and answer through the last argument, as the driver's library does."""

    def __init__(self, **answers: int) -> None:
        self.answers, self.is_running = answers, False

    def nvmlInit_v2(self) -> int:  # noqa: N802
        self.is_running = True
        return self.answers.get("init", 0)

    def nvmlShutdown(self) -> int:  # noqa: N802
        assert self.is_running
        self.is_running = False
        return 0

    def __getattr__(self, function: str) -> Any:
        if not function.startswith("nvml"):
            raise AttributeError(function)
        return lambda *arguments: self.answered(function, arguments)

    def answered(self, function: str, arguments: tuple[Any, ...]) -> int:
        if function == "nvmlDeviceGetHandleByIndex_v2":
            return 0
        if function not in self.answers:
            return 3
        answer = arguments[-1]._obj
        assert isinstance(answer, ctypes.c_ulonglong if "Reasons" in function else ctypes.c_uint)
        answer.value = self.answers[function]
        return 0


FULL = {
    "nvmlDeviceGetCount_v2": 1,
    "nvmlDeviceGetPowerUsage": 61_250,
    "nvmlDeviceGetTemperature": 58,
    "nvmlDeviceGetClockInfo": 1410,
    # idle, software thermal slowdown, power brake
    "nvmlDeviceGetCurrentClocksThrottleReasons": 0xA1,
}


@pytest.fixture
def driven(device):
    device.has({"nvidiactl": ""}, "dev")
    return device


def test_power_heat_clock_and_slowdowns_are_told_in_si_units(driven) -> None:
    library = Library(**FULL)
    source = driven.open(Nvml(lambda _: library))
    said = {(c.quantity, c.name): value for c, value in zip(source.channels, source.read(), strict=True)}
    assert said["power", "gpu0"] == 61.25
    assert said["temperature", "gpu0"] == 58
    assert said["frequency", "gpu0"] == 1.41e9
    assert {name for (quantity, name), value in said.items() if quantity == "throttle-state" and value} == {
        "gpu0 software thermal slowdown",
        "gpu0 power brake",
    }
    assert {c.name for c in source.channels if c.is_supply} == {"gpu0 power brake"}
    assert not any(channel.is_total for channel in source.channels)


def test_what_a_gpu_does_not_tell_is_not_made_up(driven) -> None:
    library = Library(nvmlDeviceGetCount_v2=1, nvmlDeviceGetTemperature=40)
    source = driven.open(Nvml(lambda _: library))
    assert [channel.quantity for channel in source.channels] == ["temperature"]
    del library.answers["nvmlDeviceGetTemperature"]
    assert source.read() == [None]


def test_the_library_is_shut_down_once(driven) -> None:
    library = Library(**FULL)
    source = driven.open(Nvml(lambda _: library))
    source.close()
    source.close()
    assert not library.is_running


def test_says_why_there_is_none(driven) -> None:
    def absent(name: str) -> Any:
        raise OSError(f"{name}: cannot open shared object file")

    assert "libnvidia-ml.so.1 cannot be loaded" in driven.why_not(Nvml(absent))
    assert "error 9" in driven.why_not(Nvml(lambda _: Library(init=9)))
    silent = Library(nvmlDeviceGetCount_v2=0)
    assert "neither power" in driven.why_not(Nvml(lambda _: silent))
    assert not silent.is_running
