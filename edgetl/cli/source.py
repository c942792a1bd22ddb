"""What ``prepare`` and ``deploy`` start from: a recipe, a folder of images, or a user's own ONNX file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from edgetl.cli.options import ANY_PATH, EXISTING_FILE, Function, RecipePath

if TYPE_CHECKING:
    from edgetl.recipe import Recipe

_SIZE = re.compile(r"(\d{1,4})(?:x(\d{1,4}))?")


@dataclass(frozen=True)
class Source:
    """The flags as they were given."""

    recipe: Path | None
    data: str | None
    name: str | None
    backbone: str | None
    weights: str | None
    method: str | None
    size: tuple[int, int] | None
    skip_bad: bool
    fresh: bool
    onnx: Path | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    layout: Literal["NCHW", "NHWC"] | None = None
    task: str | None = None
    tensorboard: Path | None = None
    changed_max: float | None = None
    output_error_max: float | None = None
    rendering: tuple[str, ...] = ()


def _size(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """``HxW``, or one number for both."""
    match = _SIZE.fullmatch(value or "")
    if value is not None and match is None:
        raise click.BadParameter(f"{value!r} is not a size; expected HxW such as 224x224", context, parameter)
    return None if match is None else (int(match[1]), int(match[2] or match[1]))


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
_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("recipe", required=False, type=RecipePath()),
    click.option("--data", metavar="DIR", help="Folder with one sub-folder of samples per class, table or archive."),
    click.option("--name", metavar="N", help="Name of the bundle.  [default: that of the output file]"),
    click.option(
        "--backbone",
        metavar="NAME",
        help="Pre-trained model, with --data: a timm name, hf:OWNER/REPO@COMMIT or dir:PATH.",
    ),
    click.option("--weights", metavar="W", help="hub, random, pip:PACKAGE or a file.  [default: hub]"),
    click.option("--method", metavar="M", help="How to adapt it.  [default: linear-probe]"),
    click.option("--size", callback=_size, metavar="HxW", help="Input size, instead of the model's own."),
    click.option(
        "--rendering",
        multiple=True,
        metavar="R",
        help="Int8 graph to make, for one kind of CPU or GPU; may be repeated.  [default: x86-vnni]",
    ),
    click.option("--skip-bad", is_flag=True, help="Leave out unreadable samples and say which."),
    click.option("--fresh", is_flag=True, help="Prepare and measure again, although nothing changed."),
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


def check_source(source: Source) -> None:
    """Refuse combinations that mean nothing.

    Raises:
        click.UsageError: says which flags go together.
    """
    if source.onnx is not None:
        _refuse(source, ("recipe", "backbone", "weights", "method"), "--onnx starts from a trained model")
        if source.data is None:
            raise click.UsageError("--onnx needs --data: samples to calibrate and judge with")
        if source.task != "tensor":
            reason = "with labels accuracy is judged; without them say --task tensor"
            _refuse(source, ("changed_max", "output_error_max"), reason)
        return
    described = ("mean", "std", "layout", "task", "changed_max", "output_error_max")
    _refuse(source, described, "it describes an --onnx model")
    if source.recipe is not None:
        _refuse(source, ("data", "name", "backbone", "weights", "method", "size", "rendering"), "the recipe says it")
    elif source.data is None or source.backbone is None:
        raise click.UsageError("give a RECIPE, or --data DIR with --backbone NAME")


def recipe_of(source: Source, out: Path) -> tuple[Recipe, Path]:
    """The recipe that the flags say, and the folder its relative paths start from.

    Raises:
        RecipeError: the recipe, or what the flags amount to, is wrong.
    """
    from edgetl.recipe import read_recipe  # numpy only when the command runs

    recipe = _from_flags(source, out) if source.recipe is None else read_recipe(source.recipe)
    if source.skip_bad:
        recipe = msgspec.structs.replace(recipe, data=msgspec.structs.replace(recipe.data, skip_bad=True))
    return recipe, Path.cwd() if source.recipe is None else source.recipe.parent


def _from_flags(source: Source, out: Path) -> Recipe:
    from edgetl.errors import RecipeError
    from edgetl.recipe import HUB, NAME, NAME_RULE, recipe_from_data  # numpy only when the command runs

    if source.name is None and not NAME.fullmatch(out.stem):
        raise RecipeError(f"name {out.stem!r}, taken from -o {str(out)!r}, {NAME_RULE}; give another one with --name")
    backbone: dict[str, Any] = {"name": source.backbone, "weights": source.weights or "hub"}
    if (source.backbone or "").startswith(HUB):
        backbone["name"], _, revision = str(source.backbone).partition("@")
        backbone |= {"revision": revision} if revision else {}
    if source.onnx is not None:
        backbone = {"name": source.onnx.name, "weights": str(source.onnx.resolve())}
    elif source.size is not None:
        backbone["preprocess"] = {"height": source.size[0], "width": source.size[1]}
    data: dict[str, Any] = {
        "name": source.name or out.stem,
        "data": {"source": source.data},
        "task": {"kind": source.task or "classify"},
        "backbone": backbone,
        "adapt": {"method": source.method or "linear-probe"},
    }
    gates = {"changed_max": source.changed_max, "output_error_max": source.output_error_max}
    if source.rendering:
        data["quantize"] = {"renderings": source.rendering}
    data["gates"] = {name: limit for name, limit in gates.items() if limit is not None}
    return recipe_from_data(data)


def _with(options: tuple[Callable[[Any], Any], ...], function: Function) -> Function:
    for option in reversed(options):
        function = option(function)
    return function


def _refuse(source: Source, names: tuple[str, ...], reason: str) -> None:
    given = [name for name in names if getattr(source, name) not in (None, ())]
    if given:
        flags = ", ".join("RECIPE" if name == "recipe" else f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{flags} cannot be given here: {reason}")
