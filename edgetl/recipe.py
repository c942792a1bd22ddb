"""One deployment as data: what a user writes, checked at the door."""

from __future__ import annotations

import codecs
import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from edgetl.errors import RecipeError
from edgetl.gates import Gates
from edgetl.preprocess import Preprocess
from edgetl.spelling import placed

HUB, FOLDER = "hf:", "dir:"
"""What the name of a backbone starts with that is a repository on the Hugging Face hub, or a folder laid out as one."""
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_REVISION, _SHA256 = re.compile(r"[0-9a-f]{40}"), re.compile(r"[0-9a-f]{64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "must be letters, digits, '.', '_' or '-', at most 64, starting with a letter or digit"


class Data(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where labelled images come from and how they are divided.

    ``source`` is a folder with one sub-folder per class (or ``train``, ``val`` and ``test`` with these in each); a
    ``.csv``, ``.tsv`` or ``.parquet`` table with columns ``path`` and ``label`` and optionally ``split``, ``weight``,
    ``group`` and ``domain``; a COCO ``.json``; a ``.zip``, ``.tar`` or ``.tar.gz`` of one of these; or
    ``module:function`` (looked up beside the recipe first) or ``path/to/file.py:function``, which returns an
    ``edgetl.host.data.dataset.Dataset``.
    """

    source: str
    test: float = 0.2
    """Fraction for the final report; never used for any choice."""
    validation: float = 0.2
    """Fraction of the rest, for gates and choices."""
    split_seed: int | None = None
    """Seed of the division; the recipe's ``seed`` when absent."""
    folds: int | None = None
    """Divide into this many parts instead, with ``fold`` as the test split and ``test`` not used: over all of them,
    every image is tested once."""
    fold: int | None = None
    """Which part is the test split, from 0 to ``folds`` - 1."""
    min_per_class: int = 10
    skip_bad: bool = False
    """Leave out unreadable images and say which, instead of refusing."""
    near_duplicates: Literal["report", "group", "refuse"] = "report"
    """What to do with images of different splits that look alike: say so, keep all that look alike in one split, or
    refuse. Found by a perceptual hash, which sees scaling, re-encoding and brightness, not rotations, mirror images or
    crops."""

    def __post_init__(self) -> None:
        for name in ("test", "validation"):
            if not 0 < getattr(self, name) < 0.9:
                raise ValueError(f"{name} is a fraction between 0 and 0.9, got {getattr(self, name)}")
        if self.split_seed is not None:
            _check_seed("split_seed", self.split_seed)
        if self.min_per_class < 4:
            raise ValueError(f"min_per_class must be at least 4, got {self.min_per_class}")
        if (self.folds is None) != (self.fold is None):
            raise ValueError("folds and fold go together, such as folds = 5 and fold = 0")
        if self.folds is not None and not 2 <= self.folds <= 100:
            raise ValueError(f"folds must be 2 to 100, got {self.folds}")
        if self.folds is not None and self.fold is not None and not 0 <= self.fold < self.folds:
            raise ValueError(f"fold must be 0 to {self.folds - 1}, got {self.fold}")


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be predicted.

    ``kind`` is ``classify`` (one label per image) or ``multilabel`` (several labels per image, possibly none; its data
    comes from a function, whose samples have ``labels``).
    """

    kind: str = "classify"


class BackboneChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pre-trained model to start from.

    ``name`` is that of a timm model; ``hf:OWNER/REPO``, a repository of a timm model on the Hugging Face hub, with the
    ``revision`` it is taken from; or ``dir:PATH``, a folder laid out as such a repository (``config.json`` and
    ``model.safetensors``; relative to the recipe). ``weights`` is ``hub`` (the model's own), ``random``,
    ``pip:PACKAGE[/FILE]``, or a local ``.safetensors`` or ``.pth`` file (relative to the recipe). ``preprocess``
    replaces the backbone's own.
    """

    name: str
    weights: str = "hub"
    preprocess: Preprocess | None = None
    revision: str | None = None
    """Commit of an ``hf:`` repository, 40 hex digits; required there, because branches and tags move."""
    sha256: str | None = None
    """Of the weights file; another file is refused."""

    def __post_init__(self) -> None:
        if self.name.startswith(HUB):
            self._check_repository(self.name.removeprefix(HUB))
        elif self.revision is not None:
            raise ValueError(f"revision belongs to a name that starts with {HUB}, not to {self.name!r}; leave it out")
        is_repository = self.name.startswith((HUB, FOLDER))
        if is_repository and self.weights != "hub":
            raise ValueError(f"{self.name!r} brings its own weights; leave out weights = {self.weights!r}")
        if self.sha256 is None:
            return
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"sha256 must be 64 lower-case hex digits, got {self.sha256!r}")
        if not is_repository and self.weights in ("hub", "random"):
            raise ValueError(
                f"sha256 is that of a file, and weights = {self.weights!r} are none; use name = "
                f'"{HUB}timm/{self.name.removeprefix("timm/")}" with a revision, or leave sha256 out'
            )

    def _check_repository(self, name: str) -> None:
        if not _REPOSITORY.fullmatch(name):
            raise ValueError(f"name {self.name!r} must be {HUB}OWNER/REPO, as in {HUB}timm/resnet18.a1_in1k")
        if self.revision is None or not _REVISION.fullmatch(self.revision):
            raise ValueError(
                f"{self.name!r} needs revision = the 40 hex digits of a commit, got {self.revision!r}: what a branch "
                f"or tag names can change; take the newest one from https://huggingface.co/{name}/commits/main"
            )


class Adapt(msgspec.Struct, frozen=True):
    """How the backbone is adapted; the method's options stand beside ``method``, checked by the method's own type."""

    method: str = "linear-probe"
    options: dict[str, Any] = {}


class Quantize(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which quantized graphs to make, and from how many training images their ranges are taken."""

    renderings: tuple[str, ...] = ("x86-vnni",)
    """Graphs to make besides the float one, each for one kind of target; ``[]`` makes none. An x86 CPU without VNNI
    runs the float graph, unless ``x86`` is named, too."""
    calibration: int = 300
    """Training images that the ranges of activations are taken from; at least 16."""
    estimator: Literal["minmax", "percentile", "mse", "entropy"] = "percentile"
    """How a range follows from what was seen: all of it, all but outliers, with the least squared error, or with the
    least divergence of distributions."""
    search: Literal["first", "all"] = "first"
    """Whether the first graph that meets the gates ends the search, or all are tried and the fastest is taken."""
    budget_s: float = 600.0
    """Seconds to search for each rendering; the first graphs are made whatever it is."""
    treatments: tuple[str, ...] | None = None
    """Treatments that the search may use; all of them if left out, `[]` for none."""

    def __post_init__(self) -> None:
        if self.calibration < 16:
            raise ValueError(f"calibration needs at least 16 images, got {self.calibration}")
        if self.budget_s < 0:
            raise ValueError(f"budget_s must be at least 0, got {self.budget_s}")


class GoldenChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many samples travel with the bundle, and whether the files they came from do."""

    n: int = 400
    """Validation images that travel, 1 to 4096; fewer where there are not as many."""
    include_images: bool = True
    """Whether the original files of the first of them travel, too."""

    def __post_init__(self) -> None:
        if not 1 <= self.n <= 4096:
            raise ValueError(f"golden n must be 1 to 4096, got {self.n}")


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One deployment. No target: one bundle serves many devices."""

    name: str
    """Of the bundle: letters, digits, ``.``, ``_`` and ``-``, at most 64."""
    data: Data
    backbone: BackboneChoice
    version: int = 1
    """Of the bundle, from 1; nothing raises it by itself."""
    seed: int = 0
    """Of everything that is drawn at random."""
    task: Task = msgspec.field(default_factory=Task)
    adapt: Adapt = msgspec.field(default_factory=Adapt)
    quantize: Quantize = msgspec.field(default_factory=Quantize)
    gates: Gates = msgspec.field(default_factory=Gates)
    golden: GoldenChoice = msgspec.field(default_factory=GoldenChoice)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name {self.name!r} {NAME_RULE}")
        if not 1 <= self.version < 1 << 31:
            raise ValueError(f"version must be at least 1 and below {1 << 31}, got {self.version}")
        _check_seed("seed", self.seed)

    @property
    def sha256(self) -> str:
        """Hash of everything the recipe says."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: the file is missing, not TOML, or a field is unknown, missing or out of range.
    """
    tables = read_tables(path)
    try:
        return recipe_from_data(tables)
    except RecipeError as error:
        raise RecipeError(f"recipe {str(path)!r}: {error}") from error


def read_tables(path: Path) -> dict[str, Any]:
    """What a recipe file says, unchecked.

    Raises:
        RecipeError: the file is missing or not TOML.
    """
    try:
        # some editors put a byte order mark before the text
        tables: dict[str, Any] = msgspec.toml.decode(path.read_bytes().removeprefix(codecs.BOM_UTF8))
    except OSError as error:
        raise RecipeError(f"cannot read recipe {str(path)!r} ({error.strerror}); expected a TOML file") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe {str(path)!r} is not valid TOML: {error}") from error
    return tables


def recipe_from_data(data: Any) -> Recipe:
    """A recipe from decoded TOML, in which the options of ``[adapt]`` stand beside ``method``.

    Raises:
        RecipeError: names the field, as in ``$.gates.margin``.
    """
    for place, problem in _unusable(data, "$"):
        raise RecipeError(f"{problem} - at `{place}`")
    if isinstance(data, dict) and isinstance(data.get("adapt"), dict):
        options = dict(data["adapt"])
        method = options.pop("method", "linear-probe")
        data = {**data, "adapt": {"method": method, "options": options}}
    try:
        return msgspec.convert(data, Recipe)
    except msgspec.ValidationError as error:
        raise RecipeError(placed(error, Recipe)) from error


def _check_seed(name: str, seed: int) -> None:
    # what every generator of random numbers takes: numpy, torch and scikit-learn
    if not 0 <= seed < 1 << 32:
        raise ValueError(f"{name} must be a whole number from 0 to {(1 << 32) - 1}, got {seed}")


def _unusable(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Values that TOML and command lines can hold and that no field can mean, each with its place."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _unusable(inner, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _unusable(inner, f"{place}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield place, f"expected a finite number, got {value}"
    elif isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        yield place, f"expected UTF-8 text, got {value!r}; rename the file or folder"
