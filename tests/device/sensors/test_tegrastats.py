from __future__ import annotations

import time
from pathlib import Path

import pytest

from edgetl.device.sensors.tegrastats import SENSOR

LINES = dict(line.split(": ", 1) for line in Path(__file__).with_name("tegrastats_lines.txt").read_text().splitlines())


def install(root: Path, script: str) -> None:
    program = root / "usr/bin/tegrastats"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def eventually(source) -> dict[tuple[str, str], float | None]:
    """The next reading that came with a line."""
    for _ in range(500):
        values = source.read()
        if any(value is not None for value in values):
            return {(c.quantity, c.name): v for c, v in zip(source.channels, values, strict=True)}
        time.sleep(0.02)
    raise AssertionError("no line within 10 s")


def test_the_newest_line_counts_and_only_once(device) -> None:
    (device.root / "go").touch()
    # the third line comes when the test asks for it
    script = f"echo '{LINES['tx1']}'; echo '{LINES['xavier-nx']}'; while [ -e go ]; do sleep 0.02; done"
    install(device.root, f"cd {device.root}; {script}; echo '{LINES['orin-nano']}'; exec sleep 60")
    source = device.open(SENSOR)
    assert {c.name for c in source.channels if c.is_total} == {"VDD_IN"}
    assert "PMIC" not in {c.name for c in source.channels}
    assert set(source.read()) == {None}
    (device.root / "go").unlink()
    values = eventually(source)
    source.close()
    assert values["power", "VDD_IN"] == 8.843
    assert values["frequency", "GR3D"] == 624_000_000
    # in this line by another name only
    assert values["temperature", "CPU"] is None


def test_readings_are_unknown_when_it_has_ended(device) -> None:
    install(device.root, f"echo '{LINES['nano']}'; echo '{LINES['nano']}'")
    source = device.open(SENSOR)
    assert set(source.read()) == {None}
    source.close()
    source.close()
    assert set(source.read()) == {None}


@pytest.mark.parametrize(
    ("script", "reason"),
    [("exit 1", "told nothing"), ("echo 'not allowed'", "nothing that is understood: 'not allowed'")],
)
def test_says_what_it_told_when_that_is_of_no_use(device, script: str, reason: str) -> None:
    install(device.root, script)
    assert reason in device.why_not(SENSOR)


def test_says_why_it_cannot_be_started(device) -> None:
    device.has({"tegrastats": "#!/bin/sh"}, "usr/bin")
    assert "cannot be started: Permission denied" in device.why_not(SENSOR)


def test_is_not_started_where_its_monitor_can_be_read(device) -> None:
    install(device.root, f"touch {device.root}/started")
    device.has({"rail_name_0": "VDD_IN", "in_power0_input": 4000}, "sys/bus/i2c/drivers/ina3221x/1-0040/iio:device0")
    assert "'ina3221'" in device.why_not(SENSOR)
    assert not (device.root / "started").exists()
