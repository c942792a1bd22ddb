"""Power monitors on I2C buses."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.files import by_number, read


def i2c_hwmon(root: Path, chip: str) -> tuple[Path, ...]:
    """``hwmon`` folders of every device of that kind; bus numbers and addresses differ from board to board."""
    devices = by_number(root.glob("sys/bus/i2c/devices/*"))
    named = [device for device in devices if chip in (read(device / "name") or "").lower()]
    return tuple(folder for device in named for folder in by_number(device.glob("hwmon/hwmon*")))
