"""Every target and sensor of the tables is sound; a new entry is tested as it is."""

from __future__ import annotations

import pytest

from edgetl.plugins import BACKENDS, SENSORS, TARGETS, find
from edgetl.target import Target


@pytest.mark.parametrize("name", TARGETS)
def test_target_bears_the_name_it_is_found_by(name: str) -> None:
    target = find(TARGETS, name, "target")
    assert isinstance(target, Target)
    assert target.name == name


@pytest.mark.parametrize("name", TARGETS)
def test_target_names_only_what_exists(name: str) -> None:
    target: Target = find(TARGETS, name, "target")
    assert target.runtimes
    assert set(target.runtimes) <= set(BACKENDS)
    assert target.sensor is None or target.sensor in SENSORS
    assert all(count >= 1 for count in target.threads)
    assert len(set(target.threads)) == len(target.threads)


def test_every_sensor_can_be_found() -> None:
    assert all(find(SENSORS, name, "sensor") is not None for name in SENSORS)
