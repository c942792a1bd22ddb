"""NVIDIA GPUs, through the driver's own library."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.telemetry import Channel, Missing, Source

_LIBRARY = "libnvidia-ml.so.1"
_DEVICE = "dev/nvidiactl"
_TEMPERATURE_GPU, _CLOCK_SM = 0, 1
_MHZ = 1_000_000
_REASONS = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}
"""Bits of ``nvmlClocksEventReasons`` that are a slowdown; the others say that the GPU idles or was told its clock."""
_SUPPLY = 0x80


class Nvml:
    """Power, heat, clock and reasons for slowing down of each GPU.

    A GPU's power is not that of the whole device, so none of it is a total.

    References:
        NVIDIA Management Library (NVML) API Reference Guide.
    """

    name = "nvml"

    def __init__(self, load: Callable[[str], Any] = ctypes.CDLL) -> None:
        self._load = load

    def open(self, root: str = "/") -> Source | Missing:
        """All GPUs that the driver shows to this process."""
        if not (Path(root) / _DEVICE).exists():
            return Missing(self.name, f"no NVIDIA driver (/{_DEVICE})")
        try:
            library = self._load(_LIBRARY)
        except OSError as error:
            return Missing(self.name, f"{_LIBRARY} cannot be loaded: {error}")
        status = library.nvmlInit_v2()
        if status != 0:
            return Missing(self.name, f"{_LIBRARY} does not start: error {status}; see `nvidia-smi`")
        found = [(channel, value) for channel, value in _channels(self.name, library) if value() is not None]
        if not found:
            library.nvmlShutdown()
            return Missing(self.name, "the NVIDIA driver tells neither power, temperature nor clock of any GPU")
        return _Nvml(library, found)


SENSOR = Nvml()


class _Nvml:
    def __init__(self, library: Any, found: list[tuple[Channel, Value]]) -> None:
        self._library, self._source, self._is_open = library, one_by_one(found), True

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self._source.channels

    def read(self) -> Sequence[float | None]:
        return self._source.read()

    def close(self) -> None:
        if self._is_open:
            self._library.nvmlShutdown()
            self._is_open = False


def _channels(sensor: str, library: Any) -> Iterator[tuple[Channel, Value]]:
    count = ctypes.c_uint(0)
    library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)) == 0:
            yield from _gpu(sensor, f"gpu{index}", _Gpu(library, handle))


def _gpu(sensor: str, name: str, gpu: _Gpu) -> Iterator[tuple[Channel, Value]]:
    yield Channel(sensor, name, "power"), gpu.power_w
    yield Channel(sensor, name, "temperature"), gpu.temperature_c
    yield Channel(sensor, name, "frequency"), gpu.frequency_hz
    for bit, reason in _REASONS.items():
        yield Channel(sensor, f"{name} {reason}", "throttle-state", is_supply=bit == _SUPPLY), gpu.has_reason(bit)


class _Gpu:
    def __init__(self, library: Any, handle: ctypes.c_void_p) -> None:
        self._library, self._handle = library, handle

    def power_w(self) -> float | None:
        milliwatts = self._asked("nvmlDeviceGetPowerUsage", ctypes.c_uint())
        return None if milliwatts is None else milliwatts / 1000

    def temperature_c(self) -> float | None:
        return self._asked("nvmlDeviceGetTemperature", ctypes.c_uint(), _TEMPERATURE_GPU)

    def frequency_hz(self) -> float | None:
        megahertz = self._asked("nvmlDeviceGetClockInfo", ctypes.c_uint(), _CLOCK_SM)
        return None if megahertz is None else megahertz * _MHZ

    def has_reason(self, bit: int) -> Value:
        def state() -> float | None:
            # the library keeps this older name of ...ClocksEventReasons
            reasons = self._asked("nvmlDeviceGetCurrentClocksThrottleReasons", ctypes.c_ulonglong())
            return None if reasons is None else float(bool(reasons & bit))

        return state

    def _asked(self, function: str, answer: Any, *kind: int) -> int | None:
        call = getattr(self._library, function, None)
        if call is None or call(self._handle, *map(ctypes.c_uint, kind), ctypes.byref(answer)) != 0:
            return None
        return int(answer.value)
