from __future__ import annotations

import pytest

from edgetl.device.sensors.total_power import total_rails

BOARDS = {
    "Nano": ("POM_5V_IN POM_5V_GPU POM_5V_CPU", "POM_5V_IN"),
    "TX2": ("VDD_SYS_GPU VDD_SYS_SOC VDD_4V0_WIFI VDD_IN VDD_SYS_CPU VDD_SYS_DDR", "VDD_IN"),
    "AGX Xavier": ("GPU CPU SOC CV VDDRQ SYS5V", "GPU CPU SOC CV VDDRQ SYS5V"),
    "AGX Orin": (
        "VDD_GPU_SOC VDD_CPU_CV VIN_SYS_5V0 VDDQ_VDD2_1V8AO",
        "VDD_GPU_SOC VDD_CPU_CV VIN_SYS_5V0",
    ),
    "Orin Nano": ("VDD_IN VDD_CPU_GPU_CV VDD_SOC", "VDD_IN"),
    "AGX Thor": ("VDD_GPU VDD_CPU_SOC_MSS VIN_SYS_5V0 VIN", "VIN"),
    "AGX Thor without its input": ("VDD_GPU VDD_CPU_SOC_MSS VIN_SYS_5V0", ""),
    "AGX Xavier with a rail lost": ("GPU CPU SOC CV VDDRQ", ""),
    "unknown": ("VDD_A VDD_B", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("board", BOARDS)
def test_total_of_a_board(board: str) -> None:
    rails, total = BOARDS[board]
    assert total_rails(rails.split()) == set(total.split())
