"""Power rails of a Jetson, from its INA3221 monitors: every rail's power at this moment, without root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edgetl.device.kernel.files import by_number, quantity, read
from edgetl.device.sensors.i2c import i2c_hwmon
from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.device.sensors.total_power import total_rails
from edgetl.telemetry import Channel, Missing, Source

_MICROWATTS = 1_000_000
_UNUSED = ("nc", "sum of shunt voltages")


class Ina3221:
    """Both drivers: ``hwmon`` (JetPack 5 and later) and ``iio`` (JetPack 4 and earlier).

    References:
        Linux kernel, ``Documentation/hwmon/ina3221.rst``.
    """

    name = "ina3221"

    def open(self, root: str = "/") -> Source | Missing:
        """All rails that are wired."""
        rails = [*_hwmon_rails(Path(root)), *_iio_rails(Path(root))]
        if not rails:
            return Missing(self.name, "no INA3221 power monitor in /sys/bus/i2c")
        if all(power() is None for _, power in rails):
            return Missing(self.name, "the INA3221 in /sys/bus/i2c cannot be read; run as root")
        totals = total_rails(name for name, _ in rails)
        return one_by_one((Channel(self.name, name, "power", name in totals), power) for name, power in rails)


SENSOR = Ina3221()


def _hwmon_rails(root: Path) -> Iterator[tuple[str, Value]]:
    for folder in i2c_hwmon(root, "ina3221"):
        for number in (1, 2, 3):
            if (folder / f"curr{number}_input").exists():
                name = read(folder / f"in{number}_label") or f"{folder.name} in{number}"
                if name.lower() not in _UNUSED:
                    yield name, _product(folder / f"in{number}_input", folder / f"curr{number}_input")


def _product(millivolts: Path, milliamperes: Path) -> Value:
    """The driver tells no power: what it calls input is a voltage."""

    def power() -> float | None:
        voltage, current = quantity(millivolts), quantity(milliamperes)
        return None if voltage is None or current is None else voltage * current / _MICROWATTS

    return power


def _iio_rails(root: Path) -> Iterator[tuple[str, Value]]:
    for folder in by_number(root.glob("sys/bus/i2c/drivers/ina3221x/*/iio:device*")):
        for number in (0, 1, 2):
            name = read(folder / f"rail_name_{number}")
            if name and name.lower() not in _UNUSED:
                yield name, _milliwatts(folder / f"in_power{number}_input")


def _milliwatts(path: Path) -> Value:
    return lambda: quantity(path, per_unit=1000)
