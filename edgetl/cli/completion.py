"""``edgetl completion``: tab completion for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from edgetl.cli.options import common
from edgetl.cli.output import Output
from edgetl.errors import Unsupported

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@common
def completion(output: Output, shell: str) -> None:
    """Print the completion script of SHELL.

    For bash: edgetl completion bash > ~/.local/share/bash-completion/completions/edgetl
    """
    script = script_of(shell)
    if output.as_json:
        output.document({"shell": shell, "script": script})
    else:
        output.text(script)


def script_of(shell: str) -> str:
    """The script that makes ``shell`` ask ``edgetl`` for completions.

    Raises:
        Unsupported: click knows no such shell.
    """
    from edgetl.cli import edgetl  # the group imports this file

    kind = get_completion_class(shell)
    if kind is None:
        raise Unsupported(f"no completion for shell {shell!r}; expected one of: {', '.join(SHELLS)}")
    maker = kind(edgetl, {}, "edgetl", "_EDGETL_COMPLETE")
    # Not maker.source(), which starts a bash to ask for its version.
    return maker.source_template % maker.source_vars()
