"""What ``prepare`` and ``deploy`` start from: a recipe, a folder of images, or a user's own ONNX file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from edgetl.cli.options import ANY_PATH, EXISTING_FILE, Function, RecipePath
from edgetl.cli.overrides import check_agreement, overlap, overridden, overrides

if TYPE_CHECKING:
    from edgetl.recipe import Recipe

_SIZE = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?")
_DESCRIBED = ("mean", "std", "layout", "task", "changed_max", "output_error_max")
"""What describes a trained model."""
_TRAINED = ("adapt", "backbone.name", "backbone.weights", "backbone.revision", "backbone.sha256")
"""Keys that mean nothing for a trained model."""
_DIVIDED = ("test", "validation", "split_seed", "folds", "fold", "min_per_class", "near_duplicates")
_LABELLED = ("gates.accuracy_min", *(f"data.{key}" for key in _DIVIDED))
"""Keys that mean nothing where samples have no labels."""


@dataclass(frozen=True)
class Source:
    """The flags as they were given."""

    recipe: Path | None = None
    data: str | None = None
    name: str | None = None
    backbone: str | None = None
    weights: str | None = None
    method: str | None = None
    size: tuple[int, int] | None = None
    skip_bad: bool = False
    fresh: bool = False
    onnx: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: Literal["NCHW", "NHWC"] | None = None
    task: str | None = None
    tensorboard: Path | None = None
    changed_max: float | None = None
    output_error_max: float | None = None
    rendering: tuple[str, ...] = ()
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Values of ``--set``, by their keys."""


def _size(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``HxW``, or one number for both."""
    if value is None:
        return None
    match = _SIZE.fullmatch(value)
    size = (0, 0) if match is None else (int(match[1]), int(match[2] or match[1]))
    if min(size) < 1:
        raise click.BadParameter(f"{value!r} is not a size; expected HxW such as 224x224", context, parameter)
    return size


def _numbers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Comma-separated numbers."""
    try:
        return None if value is None else tuple(float(part) for part in value.split(","))
    except ValueError as error:
        expected = "expected a list of numbers such as 0.485,0.456,0.406"
        raise click.BadParameter(f"{value!r} is not that; {expected}", context, parameter) from error


TENSORBOARD = click.option(
    "--tensorboard", type=ANY_PATH, metavar="DIR", help="Write training curves for TensorBoard there."
)
_DATA = click.option("--data", metavar="DIR", help="Folder with one sub-folder of samples per class, table or archive.")
_INPUT_SIZE = click.option("--size", callback=_size, metavar="HxW", help="Input size, instead of the model's own.")
_SKIP_BAD = click.option("--skip-bad", is_flag=True, help="Leave out unreadable samples and say which.")
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("recipe", required=False, type=RecipePath()),
    _DATA,
    click.option("--name", metavar="N", help="Name of the bundle.  [default: that of the output file]"),
    click.option(
        "--backbone",
        metavar="NAME",
        help="Pre-trained model, with --data: a timm name, hf:OWNER/REPO@COMMIT or dir:PATH.",
    ),
    click.option("--weights", metavar="W", help="hub, random, pip:PACKAGE or a file.  [default: hub]"),
    click.option("--method", metavar="M", help="How to adapt it.  [default: linear-probe]"),
    _INPUT_SIZE,
    click.option(
        "--rendering",
        multiple=True,
        metavar="R",
        help="Int8 graph to make, for one kind of CPU or GPU; may be repeated.  [default: x86-vnni]",
    ),
    overrides,
    _SKIP_BAD,
    click.option("--fresh", is_flag=True, help="Prepare, train and measure again, although nothing changed."),
    TENSORBOARD,
)
_ONNX_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--onnx", type=EXISTING_FILE, metavar="MODEL", help="Start from a trained ONNX file, with --data."),
    click.option("--mean", callback=_numbers, metavar="R,G,B", help="Mean that MODEL's input is normalised by."),
    click.option(
        "--std", callback=_numbers, metavar="R,G,B", help="Deviation it is normalised by: (pixel / 255 - mean) / std."
    ),
    click.option("--layout", type=click.Choice(["NCHW", "NHWC"]), help="Layout of MODEL's input."),
    click.option(
        "--task",
        type=click.Choice(["classify", "tensor"]),
        help="What MODEL predicts; tensor takes samples without labels. Either takes images, or .npz files with "
        "MODEL's inputs.  [default: classify]",
    ),
    click.option(
        "--changed-max",
        type=click.FloatRange(0, 1),
        metavar="F",
        help="Fraction of decisions that int8 may change, with --task tensor.  [default: 0.005]",
    ),
    click.option(
        "--output-error-max",
        type=click.FloatRange(0, min_open=True),
        metavar="E",
        help="Judge instead by how far outputs are off, by how much they vary over samples, as in 0.1 (20 dB), with "
        "--task tensor.",
    ),
)


def source_options(function: Function) -> Function:
    """The flags of :class:`Source` for adapting a pre-trained model."""
    return _with(_OPTIONS, function)


def onnx_options(function: Function) -> Function:
    """The flags of :class:`Source` for a user's own model."""
    return _with(_ONNX_OPTIONS, function)


def onnx_alone_options(function: Function) -> Function:
    """The same for a command that starts from nothing else by flags."""
    return _with((*_ONNX_OPTIONS, _DATA, _INPUT_SIZE, _SKIP_BAD, overrides), function)


def check_source(source: Source) -> None:
    """Refuse combinations that mean nothing.

    Raises:
        click.UsageError: says which flags go together.
    """
    if source.onnx is not None:
        _check_onnx(source)
    else:
        _refuse(source, _DESCRIBED, "it describes an --onnx model")
        if source.recipe is not None:
            says = ("data", "name", "backbone", "weights", "method", "size", "rendering")
            _refuse(source, says, "the recipe says it")
        elif source.data is None or source.backbone is None:
            raise click.UsageError("give a RECIPE, or --data DIR with --backbone NAME")
    check_agreement(_said(source), source.overrides)


def check_stage(source: Source) -> None:
    """Refuse flags for a stage whose recipe says everything, and a recipe where there is a trained model.

    Raises:
        click.UsageError: says which.
    """
    if source.onnx is None:
        flags = (*_DESCRIBED, "data", "size", "skip_bad")
        _refuse(source, flags, "it is for an --onnx model; otherwise the recipe says it", tuple(source.overrides))
    else:
        check_source(source)


def recipe_of(source: Source, out: Path) -> tuple[Recipe, Path]:
    """The recipe that the flags say, and the folder its relative paths start from.

    Raises:
        RecipeError: the recipe, or what the flags amount to, is wrong.
    """
    from edgetl.errors import RecipeError
    from edgetl.recipe import read_tables, recipe_from_data  # numpy only when the command runs

    says = {**_said(source), **source.overrides}
    tables = _implied(source, out, says) if source.recipe is None else read_tables(source.recipe)
    try:
        recipe = recipe_from_data(overridden(tables, says))
    except RecipeError as error:
        named = "" if source.recipe is None else f"recipe {str(source.recipe)!r}"
        changed = " ".join(f"--set {key}" for key in source.overrides)
        where = " with ".join(filter(None, (named, changed)))
        raise RecipeError(f"{where}: {error}" if where else str(error)) from error
    return recipe, Path.cwd() if source.recipe is None else source.recipe.parent


def _check_onnx(source: Source) -> None:
    _refuse(source, ("recipe", "backbone", "weights", "method"), "--onnx starts from a trained model", _TRAINED)
    if source.data is None:
        raise click.UsageError("--onnx needs --data: samples to calibrate and judge with")
    _refuse(source, ("tensorboard",), "it shows how a backbone is trained, and --onnx starts from a trained model")
    _refuse(source, (), "--task says it", ("task",))
    if source.task == "tensor":
        _refuse(source, (), "samples are divided without labels, and no accuracy is judged", _LABELLED)
    else:
        reason = "with labels accuracy is judged; without them say --task tensor"
        _refuse(source, ("changed_max", "output_error_max"), reason, ("gates.changed_max", "gates.output_error_max"))


def _implied(source: Source, out: Path, says: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a recipe that flags need not say."""
    from edgetl.errors import RecipeError
    from edgetl.recipe import NAME, NAME_RULE  # numpy only when the command runs

    if "name" not in says and not NAME.fullmatch(out.stem):
        raise RecipeError(f"name {out.stem!r}, taken from -o {str(out)!r}, {NAME_RULE}; give another one with --name")
    own = {} if source.onnx is None else {"name": source.onnx.name, "weights": str(source.onnx.resolve())}
    return {"name": out.stem, "backbone": own}


def _said(source: Source) -> dict[str, Any]:
    """What flags say, by keys of the recipe."""
    from edgetl.recipe import HUB  # numpy only when the command runs

    name, revision = source.backbone, None
    if name is not None and name.startswith(HUB):
        name, _, revision = name.partition("@")
    # of a trained model it is the size of the samples that are made for it
    height, width = (None, None) if source.size is None or source.onnx is not None else source.size
    said = {
        "name": source.name,
        "data.source": source.data,
        "data.skip_bad": source.skip_bad or None,
        "task.kind": source.task,
        "backbone.name": name,
        "backbone.revision": revision or None,
        "backbone.weights": source.weights,
        "backbone.preprocess.height": height,
        "backbone.preprocess.width": width,
        "adapt.method": source.method,
        "quantize.renderings": list(source.rendering) or None,
        "gates.changed_max": source.changed_max,
        "gates.output_error_max": source.output_error_max,
    }
    return {key: value for key, value in said.items() if value is not None}


def _with(options: tuple[Callable[[Any], Any], ...], function: Function) -> Function:
    for option in reversed(options):
        function = option(function)
    return function


def _refuse(source: Source, names: tuple[str, ...], reason: str, keys: tuple[str, ...] = ()) -> None:
    given = [name for name in names if not _is_absent(getattr(source, name))]
    flags = ["RECIPE" if name == "recipe" else f"--{name.replace('_', '-')}" for name in given]
    flags += [f"--set {key}" for key in source.overrides if any(overlap(key, other) for other in keys)]
    if flags:
        raise click.UsageError(f"{', '.join(flags)} cannot be given here: {reason}")


def _is_absent(value: object) -> bool:
    # a limit of 0 is none that is absent
    return value is None or value is False or value == ()
