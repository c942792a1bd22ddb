"""The command line: one small file per command, loaded when its command runs."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from edgetl import __version__
from edgetl.cli.process import prepare_process


@dataclass(frozen=True)
class Entry:
    """Where a command lives, and what the overview says of it."""

    dotted: str
    summary: str


COMMANDS: Mapping[str, Entry] = {
    "deploy": Entry("edgetl.cli.deploy:deploy", "Recipe to qualified bundle and report: the main job."),
    "prepare": Entry("edgetl.cli.prepare:prepare", "Host half: adapt, export, quantize, pack."),
    "qualify": Entry("edgetl.cli.qualify:qualify", "Device half: verify, evaluate, time, select."),
    "predict": Entry("edgetl.cli.predict:predict", "Run a bundle on files, folders or standard input."),
    "bench": Entry("edgetl.cli.bench:bench", "Time bundles or plain ONNX files side by side."),
    "compare": Entry("edgetl.cli.compare:compare", "Compare two results: faster, slower, equivalent or inconclusive."),
    "report": Entry("edgetl.cli.report:report", "Write a page with pictures about bundles and results."),
    "inspect": Entry("edgetl.cli.inspect:inspect", "Say what is in a bundle."),
    "unpack": Entry("edgetl.cli.unpack:unpack", "Write the plain ONNX file, labels and preprocessing of a bundle."),
    "doctor": Entry("edgetl.cli.doctor:doctor", "Say what this machine can run, and why not more."),
    "models": Entry("edgetl.cli.models:models", "List the recipes that come with EdgeTL, or copy one to start from."),
    "cache": Entry("edgetl.cli.cache:cache", "Show or prune what is kept to save work."),
    "adapt": Entry("edgetl.cli.adapt:adapt", "Stage: adapt a backbone to data."),
    "evaluate": Entry("edgetl.cli.evaluate:evaluate", "Stage: accuracy of an ONNX file on a recipe's data."),
    "export": Entry("edgetl.cli.export:export", "Stage: an adapted model to ONNX."),
    "quantize": Entry("edgetl.cli.quantize:quantize", "Stage: a float ONNX file to a quantized one."),
    "verify": Entry("edgetl.cli.verify:verify", "Stage: compare a bundle's outputs here with the host's."),
    "pack": Entry("edgetl.cli.pack:pack", "Stage: a folder of parts to a bundle."),
    "completion": Entry("edgetl.cli.completion:completion", "Print the completion script of a shell."),
}
"""Every command; one line here and one file beside this one add another."""


class LazyGroup(click.Group):
    """A group that knows its commands' names and summaries without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; ``None`` when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].dotted.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 error, 2 bad input, 3 a gate failed, 130 interrupted.",
)
@click.version_option(__version__, prog_name="edgetl", message="%(prog)s %(version)s")
@click.pass_context
def edgetl(context: click.Context) -> None:
    """From a pre-trained model and labelled data to one file that runs fast and correctly on an edge device."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    arguments = sys.argv[1:] if args is None else list(args)
    prepare_process()
    sys.exit(run(arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; everything it has to say is on stdout and stderr by then."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        click.echo("edgetl: interrupted", err=True)
        return 130
    except OSError as error:
        # The answer is lost; a second write at interpreter exit would complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            click.echo(f"edgetl: cannot write to standard output ({error.strerror})", err=True)
        return 1
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        code = edgetl.main(args=list(arguments), prog_name="edgetl", standalone_mode=False)
    except click.ClickException as error:
        from edgetl.cli.failures import usage_failed  # msgspec only when something is wrong

        return usage_failed(error, as_json="--json" in arguments)
    return code if isinstance(code, int) else 0
