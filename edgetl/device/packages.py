"""Optional packages: whether they are installed (without importing them), and importing them with errors that help."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from edgetl.errors import BackendError, MissingExtra
from edgetl.runner import Availability


def find_package(module: str, extra: str, distributions: tuple[str, ...]) -> Availability:
    """Whether a package is installed, and its version, without importing it.

    Args:
        module: the name it is imported by.
        extra: the extra of ``edgetl`` that brings it.
        distributions: names it may be installed under, the usual one first.
    """
    if importlib.util.find_spec(module) is None:
        return Availability(False, reason=str(MissingExtra(module, extra)))
    for distribution in distributions:
        try:
            return Availability(True, importlib.metadata.version(distribution))
        except importlib.metadata.PackageNotFoundError:
            continue
    return Availability(True, "unknown")


@contextmanager
def importing(module: str, extra: str) -> Iterator[None]:
    """Surrounds the import of a package that may be missing.

    Raises:
        MissingExtra: it is not installed.
        BackendError: it is installed but does not import (a system library is missing, say).
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name == module:
            raise MissingExtra(module, extra) from error
        raise BackendError(f"{module} is installed but needs {error.name!r}, which is not; install it") from error
    except ImportError as error:
        raise BackendError(f"{module} is installed but cannot be imported ({error}); install what it misses") from error
