"""One reader for each kind of counter: what the sensors tell again and again is what the probe tells once."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgetl.device.kernel.throttle_counters import core_throttle, overcurrent, pi_flags, pi_flags_file

CPU = "sys/devices/system/cpu"


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_package_whose_number_is_not_told_is_counted_once(tmp_path: Path) -> None:
    files = {f"{CPU}/cpu{cpu}/thermal_throttle/package_throttle_count": "9\n" for cpu in range(4)}
    files |= {f"{CPU}/cpu{cpu}/thermal_throttle/core_throttle_count": f"{cpu}\n" for cpu in range(4)}
    counters = core_throttle(written(tmp_path, files))
    assert [counter.count() for counter in counters if counter.kind == "package_throttle"] == [9]
    assert [counter.count() for counter in counters if counter.kind == "core_throttle"] == [0, 1, 2, 3]


def test_only_the_first_line_of_a_jetson_is_the_supplys(tmp_path: Path) -> None:
    chip = "sys/class/hwmon/hwmon3"
    files = {f"{chip}/name": "soctherm_oc\n", f"{chip}/oc3_event_cnt": "15\n", f"{chip}/oc1_event_cnt": "\n"}
    counters = overcurrent(written(tmp_path, files))
    assert [(counter.kind, counter.is_supply, counter.count()) for counter in counters] == [
        ("oc1", True, None),
        ("oc3", False, 15),
    ]


@pytest.mark.parametrize("text", ["50005\n", "0x50005\n"])
@pytest.mark.parametrize("place", ["soc/soc:firmware", "axi/axi:firmware", "firmware"])
def test_flags_of_a_pi_are_found_on_every_board(tmp_path: Path, place: str, text: str) -> None:
    path = pi_flags_file(written(tmp_path, {f"sys/devices/platform/{place}/get_throttled": text}))
    assert path is not None
    assert pi_flags(path) == 0x50005


def test_another_device_has_no_flags(tmp_path: Path) -> None:
    assert pi_flags_file(tmp_path) is None
