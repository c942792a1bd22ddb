from __future__ import annotations

from pathlib import Path

import click
from click.testing import CliRunner

from edgetl.cli.bench import bench
from edgetl.cli.sections import SectionedCommand


@click.command(cls=SectionedCommand, sections={"Fruit": ("pear", "apple")})
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--apple", help="An apple.")
@click.option("--stone", help="A stone.")
@click.option("--pear", help="A pear.")
@click.option("--secret", hidden=True)
def market(path: Path, **options: str) -> None:
    """Options under headings."""


def test_options_stand_under_their_heading_and_the_rest_below() -> None:
    shown = CliRunner().invoke(market, ["--help"]).output
    fruit, rest = shown.split("Fruit:")[1].split("Options:")
    assert fruit.index("--pear") < fruit.index("--apple")
    assert "--stone" in rest
    assert "--help" in rest
    assert "--secret" not in shown


def test_bench_lists_every_option_once() -> None:
    listed = [line.split()[:2] for line in CliRunner().invoke(bench, ["--help"]).output.splitlines()]
    starts = [word.rstrip(",") for words in listed for word in words if word.startswith("-")]
    options = [name for one in bench.params if isinstance(one, click.Option) for name in one.opts]
    # the group adds -h to those that it has run
    assert sorted(set(starts) - {"-h"}) == sorted([*options, "--help"])
    assert len(starts) == len(set(starts))
