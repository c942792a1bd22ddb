"""``edgetl inspect``: what is in a bundle."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from edgetl.cli.options import ANY_PATH, common
from edgetl.cli.output import Output


@click.command()
@click.argument("bundle", type=ANY_PATH)
@common
def inspect(output: Output, bundle: Path) -> None:
    """Say what is in BUNDLE: classes, graphs, preprocessing, gates, accuracy, origin."""
    from edgetl.bundle import Bundle
    from edgetl.report.contents import contents

    opened = Bundle.open(bundle)
    document = {"sha256": opened.sha256, **msgspec.to_builtins(opened.manifest)}
    output.answer(document, contents(opened.manifest, opened.sha256))
