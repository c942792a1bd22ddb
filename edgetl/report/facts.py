"""What a bundle tells of its data, its limits and its settings, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from edgetl.gates import Gates, TargetGates
from edgetl.report import numbers
from edgetl.report.contents import Described
from edgetl.report.page import Column, Table

_ROWS_MAX = 80
_LETTERS_MAX = 300


def data_table(manifest: Described) -> Table:
    """Samples per split, how they were divided, and what was taken from them."""
    origin = manifest.provenance
    splits = origin.notes.get("splits")
    rows = [(f"{name} samples", numbers.count(n)) for name, n in sorted(origin.samples.items())]
    if origin.data_sha256:
        rows.append(("sha256 of the samples", origin.data_sha256))
    if isinstance(splits, Mapping):
        rows += [(f"division, {key}", value) for key, value in _flat(splits)]
    if origin.calibration is not None:
        classes = ", ".join(f"{numbers.count(n)} {name}" for name, n in origin.calibration.classes.items())
        rows.append(("calibration samples", f"{numbers.count(origin.calibration.n)} ({classes or 'without labels'})"))
    rows.append(("golden samples", f"{numbers.count(manifest.golden.n)} in the bundle"))
    return Table("Samples", (Column("What"), Column("Value")), tuple(rows))


def limits_table(gates: Gates) -> Table:
    """Every limit that was set."""
    rows = [("everywhere", name, value) for name, value in _set(gates)]
    rows += [(f"on {target}", name, value) for target, limits in gates.target.items() for name, value in _set(limits)]
    return Table("Limits", (Column("Where"), Column("Gate"), Column("Limit", "right")), tuple(rows))


def settings_table(notes: Mapping[str, Any]) -> Table:
    """The recipe, key by key, where the bundle tells it."""
    recipe = notes.get("recipe")
    return _listed("Settings", recipe if isinstance(recipe, Mapping) else {})


def method_table(notes: Mapping[str, Any]) -> Table:
    """What adaptation chose and found; the training curve has a picture instead."""
    found = notes.get("adapt")
    known = {key: value for key, value in found.items() if key != "curve"} if isinstance(found, Mapping) else {}
    return _listed("What adaptation found", known)


def _listed(title: str, values: Mapping[str, Any]) -> Table:
    rows = tuple(_flat(values))
    remarks = (f"{len(rows) - _ROWS_MAX} more are in the manifest: edgetl inspect BUNDLE --json.",)
    columns = (Column("Key"), Column("Value"))
    return Table(title, columns, rows[:_ROWS_MAX], remarks if len(rows) > _ROWS_MAX else ())


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return numbers.significant(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value[:20]))[:_LETTERS_MAX] + (", …" if len(value) > 20 else "")
    return str(value)[:_LETTERS_MAX]


def _set(gates: Gates | TargetGates) -> list[tuple[str, str]]:
    values: dict[str, Any] = msgspec.to_builtins(gates)
    return [(name, _shown(value)) for name, value in values.items() if value is not None and name != "target"]
