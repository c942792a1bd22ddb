"""Which rails add up to what a board draws."""

from __future__ import annotations

from collections.abc import Iterable

TOTALS: tuple[frozenset[str], ...] = (
    # AGX Thor: input of the carrier board, which exceeds the sum of the module's rails
    frozenset({"VIN"}),
    # Nano
    frozenset({"POM_5V_IN"}),
    # TX1, TX2, Xavier NX, Orin Nano, Orin NX
    frozenset({"VDD_IN"}),
    # AGX Xavier has no rail for the whole
    frozenset({"GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"}),
    # AGX Orin has none either
    frozenset({"VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"}),
)
"""Per board; the first whose rails are all there counts.

References:
    NVIDIA Jetson Linux Developer Guide, "Tegrastats Utility" (R32 to R38); jetson_stats issues 51 and 344.
"""


def total_rails(names: Iterable[str]) -> frozenset[str]:
    """Names of the rails that are to be summed; empty when no rule knows this board, because rails may overlap."""
    there = frozenset(names)
    return next((rails for rails in TOTALS if rails <= there), frozenset())
