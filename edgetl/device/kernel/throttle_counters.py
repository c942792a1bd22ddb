"""Counters of heat, current and supply that slow a device down, since boot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgetl.device.kernel.files import by_number, number, read, whole

PI_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
"""What bits 0 to 3 of a Raspberry Pi's flags say of now."""
PI_SINCE_BOOT = 16
"""Bits from here on say the same of some moment since boot."""
_OVERCURRENT = {1: "under-voltage", 2: "average over-current", 3: "instantaneous over-current"}
_PI_FLAGS = (
    "sys/devices/platform/soc/soc:firmware/get_throttled",
    "sys/devices/platform/*/*firmware*/get_throttled",
    "sys/devices/platform/*firmware*/get_throttled",
)


@dataclass(frozen=True)
class Counter:
    """One file that counts one kind of event."""

    kind: str
    """``core_throttle``, ``package_throttle``, or ``oc1`` to ``oc3``."""
    name: str
    """Which of its kind, in words."""
    path: Path
    is_supply: bool = False
    """Whether it counts what a weak power supply does."""

    def count(self) -> int | None:
        """Events until now; ``None`` where the file cannot be read."""
        return number(self.path)


def core_throttle(root: Path) -> tuple[Counter, ...]:
    """How often x86 cores and packages slowed down for heat.

    Each is there once: hyper-threads show their core's counter, and cores their package's.
    """
    found: dict[str, Counter] = {}
    for cpu in by_number((root / "sys/devices/system/cpu").glob("cpu[0-9]*")):
        package = read(cpu / "topology/physical_package_id") or "0"
        core = read(cpu / "topology/core_id") or cpu.name
        for kind, name in (
            ("package_throttle", f"package {package}"),
            ("core_throttle", f"package {package} core {core}"),
        ):
            path = cpu / f"thermal_throttle/{kind}_count"
            if path.exists():
                found.setdefault(name, Counter(kind, name, path))
    return tuple(found.values())


def overcurrent(root: Path) -> tuple[Counter, ...]:
    """Events of a Jetson's over-current comparators, from NVIDIA's driver ``tegra234-oc-event``."""
    chips = [
        folder
        for folder in by_number((root / "sys/class/hwmon").glob("hwmon[0-9]*"))
        if read(folder / "name") == "soctherm_oc"
    ]
    return tuple(
        Counter(f"oc{line}", f"oc{line} {event}", path, is_supply=line == 1)
        for chip in chips
        for line, event in _OVERCURRENT.items()
        if (path := chip / f"oc{line}_event_cnt").exists()
    )


def pi_flags_file(root: Path) -> Path | None:
    """Where a Raspberry Pi's firmware tells its flags (``vcgencmd get_throttled``); ``None`` where it is none."""
    return next((path for pattern in _PI_FLAGS for path in sorted(root.glob(pattern))), None)


def pi_flags(path: Path) -> int | None:
    """The flags, which the kernel prints in hex without ``0x``; ``None`` where they cannot be read.

    References:
        Raspberry Pi documentation, ``vcgencmd get_throttled``.
    """
    return whole((read(path) or "").removeprefix("0x"), base=16)
