"""Events of heat, current and supply, by the names that results know them by."""

from __future__ import annotations

from pathlib import Path

from edgetl.device.kernel.throttle_counters import PI_SINCE_BOOT, core_throttle, overcurrent, pi_flags, pi_flags_file

UNDER_VOLTAGE = frozenset({"oc1", "pi_under_voltage"})
"""Counters that tell of a supply that is too weak."""
_PI_NAMES = ("pi_under_voltage", "pi_frequency_capped", "pi_throttled", "pi_soft_temperature_limit")


def throttle_counts(root: Path) -> dict[str, int]:
    """Counts since boot by name; what a device does not count is left out.

    ``core_throttle`` and ``package_throttle`` are sums over an x86 processor's cores and packages, ``oc1`` to ``oc3``
    a Jetson's under-voltage, average and instantaneous over-current, ``pi_...`` the sticky bits of a Raspberry Pi's
    firmware, 0 or 1.
    """
    counts: dict[str, int] = {}
    for counter in (*core_throttle(root), *overcurrent(root)):
        if (count := counter.count()) is not None:
            counts[counter.kind] = counts.get(counter.kind, 0) + count
    flags = pi_throttled(root)
    if flags is not None:
        counts |= {name: flags >> (PI_SINCE_BOOT + bit) & 1 for bit, name in enumerate(_PI_NAMES)}
    return counts


def pi_throttled(root: Path) -> int | None:
    """A Raspberry Pi's ``get_throttled``; ``None`` on another device."""
    path = pi_flags_file(root)
    return None if path is None else pi_flags(path)
