"""``edgetl models``: recipes to start from."""

from __future__ import annotations

from pathlib import Path

import click

from edgetl.cli.options import ANY_PATH, common
from edgetl.cli.output import Output


@click.command()
@click.argument("name", required=False)
@click.option("--folder", type=ANY_PATH, metavar="DIR", help="Where the recipes are.  [default: models in the source]")
@click.option("-o", "--out", type=ANY_PATH, metavar="DIR", help="Copy recipe NAME to this new folder.")
@common
def models(output: Output, name: str | None, folder: Path | None, out: Path | None) -> None:
    """List the recipes that come with EdgeTL, or copy NAME with -o to start from it.

    They come with EdgeTL's source, not with the installed package: from there, give the folder models of the source
    with --folder. deploy and prepare take NAME where they take a RECIPE.
    """
    if (name is None) != (out is None):
        raise click.UsageError("give NAME and -o DIR to copy a recipe, or neither to list them")
    from edgetl.report.zoo import zoo_page
    from edgetl.zoo import copy_recipe, zoo, zoo_folder, zoo_recipe

    found = zoo_folder(folder)
    if name is None or out is None:
        entries = zoo(found)
        output.answer(entries, zoo_page(entries))
        return
    from edgetl.report.text import files_page

    files = copy_recipe(zoo_recipe(found, name), out)
    shown = files_page(f"{name} copied to {out}", tuple(("file", path) for path in files))
    output.answer({"folder": out, "files": files}, shown)
