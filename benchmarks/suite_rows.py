"""What a suite declares: models x runtimes x precisions x threads, each row beside one baseline."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from suite_models import BUILDS

from edgetl.artifact import sha256_of
from edgetl.device.bench.plan import Effort
from edgetl.errors import InputError
from edgetl.spelling import did_you_mean, placed
from edgetl.target import Precision, RuntimeName

ROOT = Path(__file__).parents[1]
FLOAT = "fp32"
"""The variant of a bundle that is not quantized."""
_NAME = re.compile(r"[a-z0-9]+(?:[-.][a-z0-9]+)*")
_SOURCES = ("onnx", "bundle", "recipe", "build")


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A model and the one place it comes from; paths start at the root of the repository."""

    name: str
    onnx: str | None = None
    """A file."""
    bundle: str | None = None
    """A file, whose golden samples are the inputs."""
    recipe: str | None = None
    """A folder with ``recipe.toml``, from which a bundle is prepared."""
    build: str | None = None
    """One of :data:`suite_models.BUILDS`."""
    variants: tuple[str, ...] = ()
    """Of a bundle: ``fp32`` runs in the suite's float precisions, the others in ``int8``."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} is not made of small letters, digits, dots and dashes")
        given = [name for name in _SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            said = f"has {' and '.join(given)}" if given else "comes from nowhere"
            raise ValueError(f"model {self.name!r} {said}; give one of {', '.join(_SOURCES)}")
        if self.build is not None and self.build not in BUILDS:
            raise ValueError(
                f"unknown build {self.build!r}{did_you_mean(self.build, BUILDS)}; expected one of {', '.join(BUILDS)}"
            )
        if self.is_bundle != bool(self.variants):
            wrong = "needs variants" if self.is_bundle else "has variants, which only bundles and recipes have"
            raise ValueError(f"model {self.name!r} {wrong}; for example variants = ['fp32', 'int8-x86-vnni']")
        _refuse_twice(self.variants, "variants")

    @property
    def is_bundle(self) -> bool:
        """Whether there are variants to choose from."""
        return self.bundle is not None or self.recipe is not None


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every row is timed against: the same model, of a bundle its float variant."""

    runtime: RuntimeName = "onnxruntime"
    precision: Precision = "fp32"
    threads: int | None = None
    """As many as the row has, when ``None``."""

    def __post_init__(self) -> None:
        if self.precision == "int8":
            raise ValueError("the baseline is a float model; expected precision fp32, bf16 or fp16")
        if self.threads is not None:
            _refuse_no_threads((self.threads,))


class Suite(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of ``benchmarks/suites``."""

    description: str
    models: tuple[Model, ...]
    runtimes: tuple[RuntimeName, ...]
    precisions: tuple[Precision, ...]
    threads: tuple[int, ...]
    effort: Effort = "quick"
    baseline: Baseline = Baseline()

    def __post_init__(self) -> None:
        lists: Mapping[str, Sequence[object]] = {
            "models": [model.name for model in self.models],
            "runtimes": self.runtimes,
            "precisions": self.precisions,
            "threads": self.threads,
        }
        for title, values in lists.items():
            if not values:
                raise ValueError(f"{title} is empty; give at least one")
            _refuse_twice(values, title)
        _refuse_no_threads(self.threads)


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is run."""

    runtime: RuntimeName
    precision: Precision
    threads: int


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One measurement: everything that the suite says of it."""

    suite: str
    name: str
    model: Model
    way: Way
    baseline: Way
    effort: Effort
    variant: str | None = None
    """Of a bundle."""
    recipe_file_sha256: str | None = None
    """Of the recipe as it is, where the model comes from one: a new option with a default does not change it."""

    @property
    def sha256(self) -> str:
        """Of the declaration; another means that what was measured is not what is declared now."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def read_suite(path: Path) -> Suite:
    """Read a suite file.

    Raises:
        InputError: the file is missing, not TOML, or a field is unknown, missing, twice the same or out of range.
    """
    if not _NAME.fullmatch(path.stem):
        raise InputError(f"suite {str(path)!r} is not named in small letters, digits, dots and dashes; rename it")
    try:
        return msgspec.convert(msgspec.toml.decode(path.read_bytes()), Suite)
    except OSError as error:
        raise InputError(f"cannot read suite {str(path)!r} ({error.strerror}); expected a TOML file") from error
    except msgspec.ValidationError as error:
        raise InputError(f"suite {str(path)!r}: {placed(error, Suite)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"suite {str(path)!r} is not valid TOML: {error}") from error


def rows(suite: Suite, name: str, root: Path = ROOT) -> tuple[Row, ...]:
    """Every row of a suite, in the order of its models, then runtimes, precisions and threads.

    A row that would be its own baseline is left out: its ratio is 1 by definition.

    Args:
        name: of the suite.
        root: what paths in the suite start from.

    Raises:
        InputError: a model has no row, two rows have one name, or a recipe cannot be read.
    """
    found: list[Row] = []
    for model in suite.models:
        own = tuple(_rows(suite, name, model, root))
        if not own:
            raise InputError(
                f"suite {name!r} has no row for model {model.name!r}: float graphs run in fp32, bf16 or fp16, "
                "quantized ones in int8, and the baseline is no row of its own; give more runtimes or precisions"
            )
        found += own
    names = [row.name for row in found]
    if twice := [one for one in names if names.count(one) > 1]:
        raise InputError(f"suite {name!r} has two rows {twice[0]!r}; name one of their models otherwise")
    return tuple(found)


def _rows(suite: Suite, name: str, model: Model, root: Path) -> Iterator[Row]:
    recipe = None if model.recipe is None else sha256_of(root / model.recipe / "recipe.toml")
    variants: Sequence[str | None] = model.variants or (None,)
    for variant, runtime, precision, threads in itertools.product(
        variants, suite.runtimes, suite.precisions, suite.threads
    ):
        way = Way(runtime, precision, threads)
        baseline = Way(suite.baseline.runtime, suite.baseline.precision, suite.baseline.threads or threads)
        is_float = variant in (None, FLOAT)
        if is_float == (precision == "int8") or (is_float and way == baseline):
            continue
        parts = (model.name, variant, runtime, precision, f"{threads}t")
        title = "-".join(part for part in parts if part is not None)
        yield Row(name, title, model, way, baseline, suite.effort, variant, recipe)


def _refuse_twice(values: Sequence[object], title: str) -> None:
    if twice := [value for value in values if values.count(value) > 1]:
        raise ValueError(f"{title} has {twice[0]!r} twice; name each once")


def _refuse_no_threads(threads: Sequence[int]) -> None:
    if min(threads) < 1:
        raise ValueError(f"{min(threads)} threads cannot run anything; expected 1 or more")
