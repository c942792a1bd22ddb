"""Sensor files as a Jetson board has them, on a machine that may have no sensor of its own."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path

_RAILS = "sys/bus/i2c/devices/1-0040"


@dataclass(frozen=True)
class Board:
    """How much there is to read, a channel each."""

    zones: int = 8
    rails: int = 3
    """Up to three, as one monitor has."""
    cpus: int = len(os.sched_getaffinity(0))

    def written(self, root: Path) -> Path:
        """Its files below ``root``, which is returned."""
        files: dict[str, object] = {f"{_RAILS}/name": "ina3221"}
        files |= {f"{_RAILS}/hwmon/hwmon1/in{rail}_label": f"RAIL_{rail}" for rail in self._rails}
        files |= {f"sys/class/thermal/thermal_zone{zone}/type": f"zone-{zone}" for zone in range(self.zones)}
        _write(root, files)
        return self.told(root)

    def told(self, root: Path, rng: random.Random | None = None) -> Path:
        """New values for all readings; without ``rng`` those of a board where nothing ever changes."""

        def near(typical: int, spread: int) -> int:
            return typical if rng is None else typical + rng.randrange(-spread, spread + 1)

        rails = f"{_RAILS}/hwmon/hwmon1"
        files: dict[str, object] = {}
        for rail in self._rails:
            files[f"{rails}/in{rail}_input"] = near(5000, 40)
            files[f"{rails}/curr{rail}_input"] = near(900, 300)
        for zone in range(self.zones):
            files[f"sys/class/thermal/thermal_zone{zone}/temp"] = near(45_000, 2000)
        for cpu in range(self.cpus):
            files[f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq"] = near(1_500_000, 3000)
        _write(root, files)
        return root

    @property
    def channels(self) -> int:
        """What is read at a time."""
        return self.zones + self.rails + self.cpus

    @property
    def _rails(self) -> range:
        return range(1, self.rails + 1)


def _write(root: Path, files: dict[str, object]) -> None:
    """A reading that meets a half-written file fails, as one of a real board may."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
