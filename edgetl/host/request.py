"""What is asked of the host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgetl.recipe import Recipe


@dataclass(frozen=True)
class PrepareRequest:
    """What to prepare, and with what."""

    recipe: Recipe
    base: Path
    """Folder that relative paths in the recipe start from."""
    out: Path
    cache: Path
    threads: int
    fresh: bool = False
    """Prepare, train and measure again, although nothing changed."""
    events: Path | None = None
    """Folder for TensorBoard events of training."""
    beside: tuple[Path, ...] = ()
    """Further files that the caller is going to write."""
