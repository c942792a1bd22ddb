"""A command whose many options are listed under headings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


class SectionedCommand(click.Command):
    """Lists options under the heading that names them, in its order; all others under "Options"."""

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[str]], **attributes: Any) -> None:
        """``sections`` maps a heading to the names of options, as the function is given them."""
        super().__init__(*args, **attributes)
        self._sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of each heading, then the rest."""
        options = (parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option))
        left = {option.name: option.get_help_record(ctx) for option in options}
        listed = {title: [left.pop(name) for name in names] for title, names in self._sections.items()}
        for title, records in {**listed, "Options": list(left.values())}.items():
            if known := [record for record in records if record is not None]:
                with formatter.section(title):
                    formatter.write_dl(known)
