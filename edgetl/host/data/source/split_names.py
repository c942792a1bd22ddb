"""What people call the splits."""

from __future__ import annotations

from collections.abc import Mapping

from edgetl.host.data.dataset import SplitName

SPLIT_NAMES: Mapping[str, SplitName] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
"""Names of split folders and of values in a ``split`` column, in lower case."""
