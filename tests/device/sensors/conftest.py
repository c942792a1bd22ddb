"""Devices that are only files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from edgetl.telemetry import Missing, Sensor, Source


class Device:
    """A tree of ``/sys`` and ``/proc``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, files: Mapping[str, object], under: str = "") -> None:
        for name, content in files.items():
            path = self.root / under / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    def cannot_read(self, name: str) -> None:
        """A folder in its place: reading it fails for root too."""
        path = self.root / name
        path.unlink(missing_ok=True)
        path.mkdir(parents=True)

    def open(self, sensor: Sensor) -> Source:
        source = sensor.open(str(self.root))
        assert not isinstance(source, Missing), source.reason
        return source

    def why_not(self, sensor: Sensor) -> str:
        missing = sensor.open(str(self.root))
        assert isinstance(missing, Missing)
        assert missing.sensor == sensor.name
        return missing.reason


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


@pytest.fixture
def told() -> Callable[[Source], dict[str, float | None]]:
    def by_name(source: Source) -> dict[str, float | None]:
        return dict(zip((channel.name for channel in source.channels), source.read(), strict=True))

    return by_name


@pytest.fixture
def totals() -> Callable[[Source], set[str]]:
    return lambda source: {channel.name for channel in source.channels if channel.is_total}
