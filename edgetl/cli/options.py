"""Options that several commands share."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from edgetl.cli.failures import reported
from edgetl.cli.output import Output

Function = TypeVar("Function", bound=Callable[..., Any])

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)
PAGES = (".html", ".md")
EFFORTS = ("quick", "standard", "rigorous", "sustained")


class RecipePath(click.Path):
    """A recipe file, or the name of a recipe that comes with EdgeTL; a file of that name goes first."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path of the file."""
        # os.path, because Path.is_file raises where a name is too long
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", str(value)) and not os.path.isfile(value):  # noqa: PTH113
            from edgetl.errors import InputError
            from edgetl.zoo import zoo_folder, zoo_recipe  # msgspec only for names

            try:
                return zoo_recipe(zoo_folder(None), str(value))
            except InputError as error:
                self.fail(f"{value!r} is no file, and {error}", param, ctx)
        return super().convert(value, param, ctx)


def common(function: Callable[..., None]) -> Callable[..., None]:
    """``--json``, ``-q`` and ``-v``, handed to the command as its first argument, an :class:`Output`."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout; all else on stderr.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress; warnings stay.")
    @click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Also messages of libraries, and tracebacks of errors.",
    )
    @functools.wraps(function)
    def command(as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
        output = Output(as_json, quiet, verbose)
        _keep_inputs(options)
        with reported(output):
            function(output, **options)

    return command


def out(text: str, required: bool = True, beside: Sequence[str] = ()) -> Callable[[Function], Function]:
    """``-o/--out FILE``; ``beside`` are the endings of further files that are written under its name."""
    callback = functools.partial(_file, beside=beside)
    return click.option("-o", "--out", required=required, type=ANY_PATH, metavar="FILE", help=text, callback=callback)


def out_results(text: str) -> Callable[[Function], Function]:
    """``-o/--out FILE``, as often as one likes, each in the format that the end of its name says."""
    return click.option(
        "-o", "--out", "outs", multiple=True, type=ANY_PATH, metavar="FILE", help=text, callback=_result_files
    )


def out_page(text: str) -> Callable[[Function], Function]:
    """``-o/--out FILE.html`` or ``FILE.md``, required."""
    return click.option("-o", "--out", required=True, type=ANY_PATH, metavar="FILE", help=text, callback=report_file)


def report_file(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Say at the door that a page cannot be written."""
    if value is not None and value.suffix not in PAGES:
        raise click.BadParameter(
            f"{value.name!r} ends in neither .html nor .md; a report is an HTML page or Markdown", context, parameter
        )
    return _file(context, parameter, value)


def out_folder(text: str) -> Callable[[Function], Function]:
    """``-o/--out DIR``, required."""
    return click.option("-o", "--out", required=True, type=ANY_PATH, metavar="DIR", help=text, callback=_folder)


def _keep_inputs(options: dict[str, Any]) -> None:
    """Refuse to write over a file that is to be read.

    Raises:
        click.UsageError: the output is one of the inputs.
    """
    out = options.get("out")
    for one in (*options.get("outs", ()), *(() if out is None else (out,))):
        if one.is_file():
            _keep_from(one, {name: value for name, value in options.items() if name not in ("out", "outs")})


def _keep_from(out: Path, options: dict[str, Any]) -> None:
    for value in options.values():
        inputs = value if isinstance(value, tuple) else (value,)
        inside = [one for item in inputs for one in (item if isinstance(item, tuple) else (item,))]
        if any(isinstance(one, Path) and one.is_file() and one.samefile(out) for one in inside):
            raise click.UsageError(f"{str(out)!r} is an input, which the output would replace; choose another -o")


def _file(
    context: click.Context, parameter: click.Parameter, value: Path | None, beside: Sequence[str] = ()
) -> Path | None:
    """Say now, and not after an hour of work, that the answer could not be written."""
    if value is None:
        return None
    _check_file(context, parameter, value)
    for ending in beside:
        _check_file(context, parameter, value.with_suffix(ending))
    return _beside(context, parameter, value)


def _result_files(context: click.Context, parameter: click.Parameter, values: tuple[Path, ...]) -> tuple[Path, ...]:
    """Say at the door that a file is of no kind that results are written as."""
    from edgetl.errors import InputError
    from edgetl.report.result_files import result_format  # numpy only for who writes

    for value in values:
        try:
            result_format(value)
        except InputError as error:
            raise click.BadParameter(str(error), context, parameter) from error
        _file(context, parameter, value)
    _check_different(context, parameter, values)
    return values


def _check_different(context: click.Context, parameter: click.Parameter, values: tuple[Path, ...]) -> None:
    """One file under two names, too: of two answers the second would replace the first."""
    real = [value.resolve() for value in values]
    twice = next((str(value) for value, own in zip(values, real, strict=True) if real.count(own) > 1), None)
    if twice is not None:
        raise click.BadParameter(f"{twice!r} is given more than once; give each file once", context, parameter)


def _check_file(context: click.Context, parameter: click.Parameter, value: Path) -> None:
    if _exists(context, parameter, value) and not value.is_file():
        kind = "a folder" if value.is_dir() else "not a regular file"
        raise click.BadParameter(f"{str(value)!r} is {kind}; give the name of a file", context, parameter)


def _folder(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    if _exists(context, parameter, value) and not value.is_dir():
        raise click.BadParameter(f"{str(value)!r} is a file; give the name of a folder", context, parameter)
    return _beside(context, parameter, value)


def _exists(context: click.Context, parameter: click.Parameter, value: Path) -> bool:
    try:
        return value.exists()
    except OSError as error:  # a name that is too long
        raise click.BadParameter(f"{str(value)!r} cannot be written ({error.strerror})", context, parameter) from error


def _beside(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    try:
        value.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.BadParameter(
            f"cannot make folder {str(value.parent)!r} ({error.strerror})", context, parameter
        ) from error
    if not os.access(value.parent, os.W_OK):
        raise click.BadParameter(f"folder {str(value.parent)!r} is not writable", context, parameter)
    import tempfile  # only for who writes

    try:
        # root may write anywhere, but /proc and the like take no file
        with tempfile.TemporaryFile(dir=value.parent):
            return value
    except OSError as error:
        raise click.BadParameter(
            f"folder {str(value.parent)!r} takes no file ({error.strerror}); choose another -o", context, parameter
        ) from error


def effort(function: Function) -> Function:
    """``--effort``: how long timing runs."""
    return click.option(
        "--effort",
        type=click.Choice(EFFORTS),
        default="standard",
        show_default=True,
        help="How long timing runs: at least 1, 5, 20 s or half an hour for each candidate.",
    )(function)


def cache(function: Function) -> Function:
    """``--cache DIR``; the device half's default folder when absent."""
    text = "Where what can be computed again is kept.  [default: EDGETL_CACHE, or ~/.cache/edgetl]"
    return click.option("--cache", type=ANY_PATH, metavar="DIR", help=text)(function)


def threads(function: Function) -> Function:
    """``--threads N`` of the host half; all CPUs this process may use when absent."""
    return click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="CPU threads.  [default: all]")(
        function
    )
