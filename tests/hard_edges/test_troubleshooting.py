"""The page about messages quotes what the code says."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/troubleshooting.md"
QUOTED = re.compile(r"^\*\*`(.+)`\*\*$", re.MULTILINE)


@functools.cache
def messages() -> str:
    """Every text in the code, one a line, with ``…`` where a value is filled in."""
    found = []
    for path in sorted((ROOT / "edgetl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.append(" ".join("".join(parts).split()))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(" ".join(node.value.split()))
    return "\n".join(found)


@pytest.mark.parametrize("message", QUOTED.findall(PAGE.read_text(encoding="utf-8")))
def test_quoted_message_is_in_the_code(message: str) -> None:
    assert message in messages()


def test_page_quotes_and_the_check_can_fail() -> None:
    assert len(QUOTED.findall(PAGE.read_text(encoding="utf-8"))) > 20
    assert "cannot keep a cash in …" not in messages()
