"""Every error EdgeTL raises on purpose, and the exit code it becomes.

    EdgeTLError              1   something failed
    ├── BackendError         1   a runtime refused a model or failed while running it
    ├── MissingExtra         1   an optional package is not installed
    ├── InputError           2   the user's input is wrong
    │   ├── RecipeError      2   a recipe or an option
    │   ├── DataError        2   images, labels, splits
    │   ├── BackboneError    2   a pre-trained model or its weights
    │   ├── BundleError      2   a bundle is damaged or not a bundle
    │   └── Unsupported      2   a combination that cannot work
    └── GateFailed           3   accuracy, parity or latency missed its limit

A message says what is wrong, what was expected and what to do, in that order.
"""

from __future__ import annotations


class EdgeTLError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class BackendError(EdgeTLError):
    """A runtime refused a model or failed while running it."""


class MissingExtra(EdgeTLError):
    """An optional package is needed and not installed.

    Args:
        package: the module that could not be imported.
        extra: the extra of ``edgetl`` that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"{package} is not installed; run: pip install 'edgetl[{extra}]'")


class InputError(EdgeTLError):
    """The user's input is wrong."""

    exit_code = 2


class RecipeError(InputError):
    """A recipe or an option is wrong."""


class DataError(InputError):
    """Images, labels or splits are wrong."""


class BackboneError(InputError):
    """A pre-trained model or its weights are wrong."""


class BundleError(InputError):
    """A bundle is damaged, or not a bundle."""


class Unsupported(InputError):
    """A combination that cannot work."""


class GateFailed(EdgeTLError):
    """Accuracy, parity or latency missed its limit."""

    exit_code = 3
