"""From flags to what the host half takes. Imported when a command runs, not for its help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgetl.cli.source import Source, recipe_of
from edgetl.device.cache_dir import default_cache_dir, writable_cache_dir
from edgetl.device.probe import environment
from edgetl.errors import RecipeError
from edgetl.host.prepare import method_options
from edgetl.host.request import PrepareRequest
from edgetl.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from edgetl.host.prepare_onnx import OnnxRequest


def request_of(source: Source, out: Path, cache: Path | None, threads: int | None) -> PrepareRequest:
    """What the flags of ``prepare`` and ``deploy`` ask for.

    Raises:
        RecipeError: the recipe, or what the flags amount to, is wrong.
        InputError: the cache cannot be written to.
    """
    recipe, base = recipe_of(source, out)
    _check_options(recipe, source.recipe)
    threads = threads or allowed_cpus()
    return PrepareRequest(recipe, base, out, cache_folder(cache), threads, source.fresh, source.tensorboard)


def onnx_request(source: Source, model: Path, common: PrepareRequest) -> OnnxRequest:
    """The same for a trained model, with how its input is fed."""
    from edgetl.host.prepare_onnx import OnnxRequest  # onnx only for who has one
    from edgetl.host.user_onnx import InputFormat

    return OnnxRequest(common, model, InputFormat(source.mean, source.std, source.layout, source.size))


def stage_request(recipe: Path, out: Path, cache: Path | None, threads: int | None) -> PrepareRequest:
    """What one stage of a recipe needs.

    Raises:
        RecipeError: the recipe is wrong.
        InputError: the cache cannot be written to.
    """
    read = read_recipe(recipe)
    _check_options(read, recipe)
    return PrepareRequest(read, recipe.parent, out, cache_folder(cache), threads or allowed_cpus())


def _check_options(recipe: Recipe, path: Path | None) -> None:
    """Let the method check its own options, and name the file they stand in."""
    try:
        method_options(recipe)
    except RecipeError as error:
        if path is None:
            raise
        raise RecipeError(f"recipe {str(path)!r}: {error}") from error


def cache_folder(cache: Path | None) -> Path:
    """The folder given, else the user's.

    Raises:
        InputError: it cannot be written to.
    """
    return default_cache_dir() if cache is None else writable_cache_dir(cache)


def allowed_cpus() -> int:
    """CPUs this process may use."""
    return environment().cpu.allowed_cpus
