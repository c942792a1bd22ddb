"""One line of ``tegrastats``, of any board and release: what is there is read, what is not is not made up.

References:
    NVIDIA Jetson Linux Developer Guide, "Tegrastats Utility" (R32, R35, R36, R38). Of R39, published lines alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_DATE = r"(?:^|(?<=\s))\d{2}-\d{2}-\d{4}\s+\d{2}:\d{2}:\d{2}(?=\s|$)"
_RAM = r"(?<!\w)(RAM|SWAP|IRAM)\s+(\d{1,9})/(\d{1,9})([kMG])B(?:\s*\((?:lfb|cached)\s[^)]*\))?(?=\s|$)"
_CPU = r"(?<!\w)CPU\s+\[([^\]]*)\](?:@(\d{1,9}))?"
_ENGINE = (
    r"(?<!\S)(EMC|GR3D2?|VIC|NVENC\d?|NVDEC\d?|NVJPG\d?|OFA|NVDLA\d|PVA\d|MSENC|APE)(?:_FREQ)?\s+"
    r"(?:(off)|(?:(\d{1,9})%)?@\[([^\]]*)\]|(?:(\d{1,9})%)?@(\d{1,9})|(\d{1,9})%|(\d{1,9}))(?=\s|$)"
)
_CELSIUS = r"(-?\d{1,9}(?:\.\d{1,9})?)C"
_ZONE = rf"(?<!\S)([A-Za-z]\w*)@{_CELSIUS}(?:/{_CELSIUS})?(?=\s|$)"
_POWER = r"(-?\d{1,9})(?:mW)?"
_RAIL = rf"(?<!\S)(?!(?:RAM|SWAP|IRAM)\s)([A-Z][A-Z0-9_]*)\s+{_POWER}/{_POWER}(?:/{_POWER})?(?=\s|$)"
# it has the shape of two engines, but tells what percentage of time was spent in a mode of the CPU
_MTS = r"(?<!\S)MTS\s+fg\s+\d{1,9}%\s+bg\s+\d{1,9}%(?=\s|$)"
_CORE = re.compile(r"(?:(off)|(\d{1,9})%(?:@(\d{1,9}))?)", re.ASCII)

# no white space, lest the words on both sides look like neighbours
_TAKEN = " \0 "
_BYTES = {"k": 2**10, "M": 2**20, "G": 2**30}
_MHZ = 1_000_000
_OFFLINE_C = -256.0


@dataclass(frozen=True)
class Memory:
    """``RAM``, ``SWAP`` or ``IRAM``."""

    name: str
    used_bytes: int
    total_bytes: int


@dataclass(frozen=True)
class Core:
    """One CPU; all ``None`` where its entry cannot be read."""

    is_online: bool | None
    load: float | None
    """As a fraction; ``None`` (not 0) when it is off."""
    frequency_hz: int | None


@dataclass(frozen=True)
class Engine:
    """Memory controller, GPU, video, audio or deep-learning engine."""

    name: str
    """Without ``_FREQ``."""
    is_off: bool
    load: float | None
    """As a fraction; absent is not 0."""
    frequencies_hz: tuple[int | None, ...]
    """One per cluster; empty when the line tells none."""


@dataclass(frozen=True)
class Zone:
    """One temperature."""

    name: str
    temperatures_c: tuple[float | None, ...]
    """Now and, from R39 on, presumably the highest so far; ``None`` when the sensor is offline."""


@dataclass(frozen=True)
class Rail:
    """One power rail."""

    name: str
    powers_w: tuple[float, ...]
    """Now, an average that a first zero spoils, and, from R39 on, presumably the highest so far. May be negative."""


@dataclass(frozen=True)
class Line:
    """What could be read, each in the order of the line."""

    memory: tuple[Memory, ...] = ()
    cores: tuple[Core, ...] = ()
    engines: tuple[Engine, ...] = ()
    zones: tuple[Zone, ...] = ()
    rails: tuple[Rail, ...] = ()
    unknown: tuple[str, ...] = ()
    """Words that are none of these, as they stand."""


def parse(line: str) -> Line:
    """Read a line; never raises, whatever it holds."""
    rest = _Rest(line)
    rest.take(_DATE)
    rest.take(_MTS)
    return Line(
        memory=tuple(_memory(found) for found in rest.take(_RAM)),
        cores=tuple(core for found in rest.take(_CPU) for core in _cores(found)),
        engines=tuple(_engine(found) for found in rest.take(_ENGINE)),
        zones=tuple(_zone(found) for found in rest.take(_ZONE)),
        rails=tuple(_rail(found) for found in rest.take(_RAIL)),
        unknown=tuple(rest.text.replace(_TAKEN, " ").split()),
    )


class _Rest:
    """What of a line is not read yet."""

    def __init__(self, text: str) -> None:
        self.text = text

    def take(self, pattern: str) -> list[re.Match[str]]:
        found = list(re.finditer(pattern, self.text, re.ASCII))
        self.text = re.sub(pattern, _TAKEN, self.text, flags=re.ASCII)
        return found


def _memory(found: re.Match[str]) -> Memory:
    name, used, total, unit = found.group(1, 2, 3, 4)
    return Memory(name, int(used) * _BYTES[unit], int(total) * _BYTES[unit])


def _cores(found: re.Match[str]) -> list[Core]:
    entries, shared = found.group(1, 2)
    return [_core(entry.strip(), shared) for entry in entries.split(",")] if entries.strip() else []


def _core(entry: str, shared_mhz: str | None) -> Core:
    found = _CORE.fullmatch(entry)
    if found is None:
        return Core(None, None, None)
    off, load, mhz = found.group(1, 2, 3)
    if off:
        return Core(False, None, None)
    mhz = mhz or shared_mhz
    return Core(True, int(load) / 100, int(mhz) * _MHZ if mhz else None)


def _engine(found: re.Match[str]) -> Engine:
    name, off, load_of_many, many, load_of_one, one, load_alone, alone = found.groups()
    load = load_of_many or load_of_one or load_alone
    single = one or alone
    frequencies = tuple(_hertz(entry) for entry in many.split(",")) if many is not None and many.strip() else ()
    if single:
        frequencies = (_hertz(single),)
    return Engine(name, off is not None, int(load) / 100 if load else None, frequencies)


def _hertz(mhz: str) -> int | None:
    return int(mhz) * _MHZ if re.fullmatch(r"\s*\d{1,9}\s*", mhz, re.ASCII) else None


def _zone(found: re.Match[str]) -> Zone:
    values = [float(value) for value in found.group(2, 3) if value is not None]
    return Zone(found[1], tuple(None if value <= _OFFLINE_C else value for value in values))


def _rail(found: re.Match[str]) -> Rail:
    return Rail(found[1], tuple(int(value) / 1000 for value in found.group(2, 3, 4) if value is not None))
