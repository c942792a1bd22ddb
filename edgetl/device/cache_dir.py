"""Where a device keeps what can be made again: extracted models, compiled blobs, qualifications."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from edgetl.errors import InputError
from edgetl.files import refused


def default_cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``EDGETL_CACHE``, else ``XDG_CACHE_HOME/edgetl``, else ``~/.cache/edgetl``; it exists and can be written to.

    Raises:
        InputError: it cannot be made or written to.
    """
    return writable_cache_dir(cache_dir_of(environ))


def cache_dir_of(environ: Mapping[str, str] = os.environ) -> Path:
    """Like :func:`default_cache_dir`, but nothing is made or checked.

    Raises:
        InputError: this user has no home folder.
    """
    if chosen := environ.get("EDGETL_CACHE"):
        return Path(chosen)
    if root := environ.get("XDG_CACHE_HOME"):
        return Path(root) / "edgetl"
    try:
        return Path.home() / ".cache" / "edgetl"
    except RuntimeError as error:
        raise InputError(
            "this user has no home folder to keep a cache in; give cache_dir= or set EDGETL_CACHE"
        ) from error


def writable_cache_dir(folder: Path) -> Path:
    """The folder itself, made when it is missing.

    Raises:
        InputError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refused(_unusable(folder, error.strerror or str(error)), error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(_unusable(folder, "it is read-only"))
    return folder


def _unusable(folder: Path, reason: str) -> str:
    return (
        f"cannot keep a cache in {str(folder)!r} ({reason}); give a folder that can be written to with --cache, "
        "cache_dir= or the environment variable EDGETL_CACHE"
    )
