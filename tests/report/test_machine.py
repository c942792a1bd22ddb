from __future__ import annotations

import msgspec

from edgetl.environment import Cpu, Environment
from edgetl.machine_state import Clock, MachineState, Pressure
from edgetl.report.machine import machine_table, state_now_table
from edgetl.report.page import Table
from edgetl.validity import Finding

HERE = Environment(
    "Linux", "6.1", "3.11", "0.1", Cpu("Cortex-A78AE", "aarch64", ("asimddp",), 6, 2), None, "Orin", None, {}
)
JETSON = MachineState(
    clocks=(
        Clock("cpu0", 730_000_000, 730_000_000, 1_510_000_000, "schedutil"),
        Clock("cpu1", 960_000_000, 730_000_000, 1_510_000_000, "schedutil"),
        Clock("emc", 2_133_000_000, None, 2_133_000_000),
    ),
    turbo="off",
    power_mode="7W (1)",
    platform_release="R36.4.3",
    jetpack="6.x",
    load_average=1.5,
    pressure=Pressure(None, None, None),
    memory_available_bytes=2_000_000_000,
    swap_used_bytes=0,
    cpu_quota=1.5,
    affinity=(0, 1, 4),
    isolated_cpus=None,
    load_by_others=0.25,
    findings=(Finding("W-LOAD", "others take 25% of the CPUs"),),
)
NOTHING = MachineState((), None, None, None, None, None, Pressure(None, None, None), None, None, None, (), None)


def cells(table: Table) -> dict[str, str]:
    return {row[0]: row[1] for row in table.rows}


def test_the_state_of_a_machine_is_told_with_what_speaks_against_it() -> None:
    table = state_now_table(JETSON)
    told = cells(table)
    assert told["clocks"] == "cpu0 and 1 like it: 730 to 1,510 MHz, schedutil; emc: - to 2,133 MHz"
    assert (told["turbo"], told["power mode"], told["L4T (JetPack)"]) == ("off", "7W (1)", "R36.4.3 (6.x)")
    assert (told["CPUs allowed"], told["CPU quota"], told["load by others"]) == ("0-1,4", "1.5 CPUs", "25.0 %")
    assert table.remarks == ("W-LOAD: others take 25% of the CPUs",)


def test_what_is_unknown_is_never_shown_as_zero() -> None:
    told = cells(state_now_table(NOTHING))
    assert not [value for value in told.values() if "0" in value]
    assert told["load by others"] == "-"


def test_a_board_is_named_with_what_decides_its_speed() -> None:
    assert cells(machine_table(HERE))["board"] == "Orin"
    known = msgspec.structs.replace(HERE, power_mode="7W (1)")
    assert cells(machine_table(known))["board"] == "Orin, power mode 7W (1)"
