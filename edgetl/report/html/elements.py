"""HTML as text in which nothing that was given can become markup."""

from __future__ import annotations

import re
from typing import NewType

from edgetl.report.pictures.svg import escaped

Html = NewType("Html", str)
"""Markup; whatever is only words goes through :func:`words` first."""

_SLASH = re.compile(r"/(?=\S)")
_CODE = re.compile(r"\bW-[A-Z0-9]+(?:-[A-Z0-9]+)*\b")
_VOID = frozenset({"meta", "wbr"})


def words(content: str) -> Html:
    """Words on one line, with every sign that means something to a browser as a reference."""
    return Html(escaped(content))


def breakable(content: str) -> Html:
    """Words in which a line may end after a slash, as in the name of a candidate, and not within a code."""
    return Html(_CODE.sub(r'<span class="code">\g<0></span>', _SLASH.sub("/<wbr>", words(content))))


def element(tag: str, *children: Html, **attributes: str) -> Html:
    """One element; a name that is a word of Python ends in an underscore, and others stand for hyphens."""
    given = "".join(f' {_attribute(name)}="{escaped(value)}"' for name, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{given}>")
    return Html(f"<{tag}{given}>{''.join(children)}</{tag}>")


def joined(*parts: Html) -> Html:
    """One after the other, each on a line of its own."""
    return Html("\n".join(part for part in parts if part))


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
