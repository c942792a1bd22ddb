"""Solar cells in electroluminescence light: functional or defective (see card.md for origin and licence)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edgetl.errors import DataError
from edgetl.host.data.dataset import Dataset, Sample

CLASSES = ("functional", "defective")
DEFECTIVE_FROM = 0.5
"""Probability of a defect, as the experts rated it, from which a cell counts as defective."""
UNSURE_WEIGHT = 0.5


def load() -> Dataset:
    """The 2,624 photographs of the ``elpv-dataset`` package.

    Raises:
        DataError: the package is not installed.
    """
    try:
        folder = Path(str(files("elpv_dataset"))) / "data"
    except ModuleNotFoundError as error:
        raise DataError("the photographs are not installed; run: pip install elpv-dataset (CC BY-NC-SA 4.0)") from error
    return Dataset(CLASSES, tuple(_sample(line, folder) for line in (folder / "labels.csv").read_text().splitlines()))


def _sample(line: str, folder: Path) -> Sample:
    name, probability, _cell_type = line.split()
    # rated 1/3 or 2/3: the experts were not sure, so these count half in training (and fully in every metric)
    weight = 1.0 if float(probability) in (0.0, 1.0) else UNSURE_WEIGHT
    return Sample(folder / name, label=int(float(probability) >= DEFECTIVE_FROM), weight=weight)
