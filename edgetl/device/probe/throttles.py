"""Events of heat, current and supply that slow a device down, counted since boot."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.probe.tree import by_number, number, read, whole

UNDER_VOLTAGE = frozenset({"oc1", "pi_under_voltage"})
"""Counters that tell of a supply that is too weak."""
_PI_BITS = ("pi_under_voltage", "pi_frequency_capped", "pi_throttled", "pi_soft_temperature_limit")


def throttle_counts(root: Path) -> dict[str, int]:
    """Counters by name; what a device does not count is left out.

    ``core_throttle`` and ``package_throttle`` are sums over an x86 processor's cores and packages, ``oc1`` to ``oc3``
    a Jetson's under-voltage, average and instantaneous over-current (driver ``tegra234-oc-event``), ``pi_...`` the
    sticky bits of a Raspberry Pi's firmware, 0 or 1.
    """
    counts = {**_x86(root), **_jetson(root)}
    flags = pi_throttled(root)
    if flags is not None:
        counts |= {name: flags >> (16 + bit) & 1 for bit, name in enumerate(_PI_BITS)}
    return counts


def pi_throttled(root: Path) -> int | None:
    """A Raspberry Pi's ``get_throttled``, which the kernel prints in hex without ``0x``."""
    platform = root / "sys/devices/platform"
    for pattern in ("*/*firmware*/get_throttled", "*firmware*/get_throttled"):
        for path in sorted(platform.glob(pattern)):
            if (flags := whole((read(path) or "").removeprefix("0x"), base=16)) is not None:
                return flags
    return None


def _x86(root: Path) -> dict[str, int]:
    """Hyper-threads show their core's counter, and cores their package's: each is read once."""
    cores: dict[object, int] = {}
    packages: dict[object, int] = {}
    for cpu in by_number(root / "sys/devices/system/cpu", "cpu[0-9]*"):
        package, core = (number(cpu / "topology" / name) for name in ("physical_package_id", "core_id"))
        for found, key, name in ((cores, (package, core), "core"), (packages, package, "package")):
            count = number(cpu / f"thermal_throttle/{name}_throttle_count")
            if count is not None:
                found.setdefault(cpu.name if core is None else key, count)
    sums = {"core_throttle": cores, "package_throttle": packages}
    return {name: sum(found.values()) for name, found in sums.items() if found}


def _jetson(root: Path) -> dict[str, int]:
    counts: dict[str, int] = {}
    for hwmon in by_number(root / "sys/class/hwmon", "hwmon[0-9]*"):
        if read(hwmon / "name") == "soctherm_oc":
            for path in by_number(hwmon, "oc[0-9]_event_cnt"):
                if (count := number(path)) is not None:
                    counts[path.name.partition("_")[0]] = count
    return counts
