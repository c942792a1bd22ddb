"""``edgetl unpack``: the parts of a bundle as plain files."""

from __future__ import annotations

from pathlib import Path

import click

from edgetl.cli.options import ANY_PATH, common, out_folder
from edgetl.cli.output import Output


@click.command()
@click.argument("bundle", type=ANY_PATH)
@click.option("--variant", metavar="NAME", help="One graph only.  [default: all]")
@out_folder("Folder to write to.")
@common
def unpack(output: Output, bundle: Path, variant: str | None, out: Path) -> None:
    """Write the ONNX files, labels and preprocessing of BUNDLE for a program in another language."""
    from edgetl.device.unpack import unpack as write
    from edgetl.report.text import files_page

    written = write(bundle, out, variant)
    output.answer(
        {"folder": out, "files": written},
        files_page(f"{bundle.name} unpacked", tuple(("file", path) for path in written)),
    )
