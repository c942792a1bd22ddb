"""Errors to words on stderr, a document on stdout, and an exit code."""

from __future__ import annotations

import errno
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, NoReturn

import click

from edgetl.cli.output import Output, Unanswered
from edgetl.errors import EdgeTLError, GateFailed, MissingExtra

if TYPE_CHECKING:
    from edgetl.result import Result

HOST_PACKAGES = frozenset(
    {"huggingface_hub", "onnx", "onnxscript", "safetensors", "sklearn", "timm", "torch", "torchvision"}
)
"""What the host half imports at the top of its modules, so that its absence shows when a command loads it."""


@contextmanager
def reported(output: Output) -> Iterator[None]:
    """Run a command's body: what it prints by the way goes to stderr, what it raises becomes an exit code."""
    level = logging.INFO if output.verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="%(message)s")
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (click.exceptions.Exit, click.ClickException, click.Abort, KeyboardInterrupt, BrokenPipeError, Unanswered):
        raise
    except EdgeTLError as error:
        _tell(output, error, str(error))
        raise click.exceptions.Exit(error.exit_code) from error
    except ModuleNotFoundError as error:
        missing = MissingExtra(error.name, "host") if error.name in HOST_PACKAGES else error
        _tell(output, missing, str(missing))
        raise click.exceptions.Exit(1) from error
    except OSError as error:
        _tell(output, error, _of_the_system(error))
        raise click.exceptions.Exit(1) from error
    except Exception as error:
        # The last border: a defect, too, must end in one line and a code.
        hint = "" if output.verbose else " (a defect, or something EdgeTL did not foresee; -v shows where)"
        _tell(output, error, f"{type(error).__name__}: {error}{hint}")
        raise click.exceptions.Exit(1) from error


def usage_failed(error: click.ClickException, as_json: bool) -> int:
    """Tell what is wrong with the command line itself; returns the exit code."""
    context = getattr(error, "ctx", None)
    if context is not None:
        click.echo(f"{context.get_usage()}\nTry '{context.command_path} --help'", err=True)
    click.echo(f"edgetl: {error.format_message()}", err=True)
    if as_json:
        Output(as_json=True).document({"error": {"type": "UsageError", "message": error.format_message()}})
    return error.exit_code


def gate_failed(result: Result) -> None:
    """End the command with exit code 3 when no candidate passed; its answer has been given by then."""
    if not result.passed:
        reasons = "; ".join(f"{c.name}: {c.rejected_because}" for c in result.candidates if c.rejected_because)
        missed(f"no candidate passed every gate ({reasons or 'see the result'})")


def missed(message: str) -> NoReturn:
    """End a command, whose answer has been given, with exit code 3."""
    click.echo(f"edgetl: {message}", err=True)
    raise click.exceptions.Exit(GateFailed.exit_code)


def _of_the_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    where = f"{reason}: {error.filename}" if error.filename else reason
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}; make room, or choose other folders with -o, --cache and the environment variable TMPDIR"
    return where


def _tell(output: Output, error: Exception, message: str) -> None:
    if output.verbose:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo(f"edgetl: {' '.join(message.split())}", err=True)
    if output.as_json:
        output.document({"error": {"type": type(error).__name__, "message": message}})
