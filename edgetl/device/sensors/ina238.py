"""Power that an INA238 monitor measures: on an AGX Thor, the input of the carrier board."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.files import quantity, read
from edgetl.device.sensors.i2c import i2c_hwmon
from edgetl.device.sensors.readings import Value, one_by_one
from edgetl.device.sensors.total_power import total_rails
from edgetl.telemetry import Channel, Missing, Source


class Ina238:
    """One rail per monitor.

    References:
        Linux kernel, ``Documentation/hwmon/ina238.rst``.
    """

    name = "ina238"

    def open(self, root: str = "/") -> Source | Missing:
        """All monitors."""
        folders = i2c_hwmon(Path(root), "ina238")
        if not folders:
            return Missing(self.name, "no INA238 power monitor in /sys/bus/i2c")
        rails = [(_rail(Path(root), folder), _microwatts(folder / "power1_input")) for folder in folders]
        if all(power() is None for _, power in rails):
            return Missing(self.name, "the INA238 in /sys/bus/i2c cannot be read; run as root")
        totals = total_rails(name for name, _ in rails)
        return one_by_one((Channel(self.name, name, "power", name in totals), power) for name, power in rails)


SENSOR = Ina238()


def _rail(root: Path, folder: Path) -> str:
    """The driver names no rail; that it is ``VIN`` is known of Thor alone."""
    label = read(folder / "label")
    if label:
        return label
    is_thor = "tegra264" in (read(root / "proc/device-tree/compatible") or "")
    return "VIN" if is_thor else folder.name


def _microwatts(path: Path) -> Value:
    return lambda: quantity(path, per_unit=1_000_000)
