"""``edgetl doctor``: what this machine can run."""

from __future__ import annotations

import click

from edgetl.cli.options import common
from edgetl.cli.output import Output


@click.command()
@common
def doctor(output: Output) -> None:
    """Say which runtimes work here, what the CPU can do, and why something is missing."""
    from edgetl.device import probe
    from edgetl.report.machine import diagnosis

    found = probe.doctor()
    output.answer(found, diagnosis(found))
