"""Files of the kernel that are not as expected: something is unknown then, and nothing fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgetl.device.probe.preflight import preflight
from edgetl.device.probe.state import machine_state
from edgetl.device.probe.usage import usage, usage_findings
from edgetl.environment import Cpu, Environment
from edgetl.machine_state import MachineState, Usage

MakeTree = Callable[..., Path]
HERE = Environment("Linux", "6", "3.11", "0", Cpu("Example", "aarch64", (), 6, 6), None, None, None, {})
STAT = {"proc/self/stat": "1 (x) R 1 1 1 0 -1 0 0 0 1 1 1 1 1 1 20 0\n", "proc/stat": "cpu0 1 0 1 9 0 0 0 1 0 0\n"}
TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "-1",
            "1e9",
            "max",
            "max max max",
            "9" * 15,
            "9" * 16,
            "9" * 30,
            "cpu0 1",
            "1 (x",
            "(\n)",
            "some avg10=nan",
            "0-",
        ]
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(machine=st.sampled_from(["laptop", "orin", "pi", "container", "server"]), which=st.integers(0, 999), text=TEXT)
def test_any_damaged_file_is_survived(make_tree: MakeTree, machine: str, which: int, text: str) -> None:
    root = make_tree(machine, STAT)
    before = usage(root)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    files[which % len(files)].write_text(text, encoding="utf-8")
    after = usage(root)
    usage_findings(before, after)
    state = machine_state(root, window_s=0.0, sleep=lambda _: None)
    for finding in preflight(state, HERE, threads=2):
        assert finding.message
    assert msgspec.json.decode(msgspec.json.encode((state, after)), type=tuple[MachineState, Usage]) == (state, after)
