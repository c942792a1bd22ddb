"""Write the pages that follow from the code: recipe.md, result.schema.json, and the results in the README.

``python docs/generate.py`` writes them; with ``--check`` it only says which are stale, and exits with 1 then.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from edgetl import gates, preprocess, recipe
from edgetl.host.adapt import Method
from edgetl.plugins import METHODS, RENDERINGS, TASKS, resolve
from edgetl.report.markdown import table_rows
from edgetl.report.text import benchmark, verdict
from edgetl.result import Result, read_result

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- results: begin -->\n", "<!-- results: end -->\n"
SECTIONS: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("The top of the file", recipe.Recipe),
    ("[data]", recipe.Data),
    ("[task]", recipe.Task),
    ("[backbone]", recipe.BackboneChoice),
    ("[backbone.preprocess]", preprocess.Preprocess),
    ("[adapt]", recipe.Adapt),
    ("[quantize]", recipe.Quantize),
    ("[gates]", gates.Gates),
    ("[gates.target.NAME]", gates.TargetGates),
    ("[golden]", recipe.GoldenChoice),
)
INTRODUCTION = """# The recipe

<!-- Written by docs/generate.py from the types in edgetl/recipe.py; edit those. -->

A recipe is one deployment as data: a TOML file that `edgetl deploy` and `edgetl prepare` read. An unknown key, a wrong
type or a value out of range is refused with the name of the key, as in `$.gates.margin`. Paths are relative to the
recipe. A recipe names no device: one bundle serves many.

The smallest recipe:

```toml
name = "flowers"

[data]
source = "photos"            # photos/daisy/*.jpg, photos/rose/*.jpg, …

[backbone]
name = "timm/mobilenetv3_small_100"
```
"""


def main(arguments: list[str]) -> int:
    """Write the pages, or only compare them; the exit code."""
    stale = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" in arguments:
            sys.stdout.write(f"stale: {path.relative_to(ROOT)}; run: make docs\n")
        else:
            path.write_text(pages()[path], encoding="utf-8")
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")
    return 1 if stale and "--check" in arguments else 0


def pages() -> dict[Path, str]:
    """Every generated file with what it must hold."""
    return {
        ROOT / "docs/recipe.md": recipe_page(),
        ROOT / "docs/result.schema.json": schema(),
        ROOT / "README.md": readme((ROOT / "README.md").read_text(encoding="utf-8")),
    }


def schema() -> str:
    """JSON Schema of a result file."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Result)), indent=2).decode() + "\n"


def recipe_page() -> str:
    """What every key of a recipe means."""
    parts = [INTRODUCTION]
    parts += [section(title, struct) for title, struct in SECTIONS]
    for name in METHODS:
        method: Method = resolve(METHODS[name])
        parts.append(section(f'[adapt] with method = "{name}"', method.options))
    parts.append(
        f"## Names\n\n- tasks: {names(TASKS)}\n- methods: {names(METHODS)}\n- renderings: {names(RENDERINGS)}\n"
    )
    return "\n".join(parts)


def section(title: str, struct: type[msgspec.Struct]) -> str:
    """One table: key, type, default, meaning."""
    meanings = docstrings(struct)
    text = inspect.getdoc(struct) or ""
    lines = [f"## {title}", "", text.replace("``", "`"), ""]
    if msgspec.structs.fields(struct):
        lines += ["| key | type | default | |", "| --- | --- | --- | --- |"]
    for field in msgspec.structs.fields(struct):
        meaning = " ".join(meanings.get(field.name, "").split()).replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{field.name}` | {type_name(field.type)} | {default(field)} | {meaning} |")
    return "\n".join(lines).rstrip() + "\n"


def docstrings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The string below each field in the source."""
    body = ast.parse(inspect.getsource(struct)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = str(below.value.value)
    return found


def type_name(kind: Any) -> str:
    """A type as a user of TOML would say it."""
    text = msgspec.json.schema(kind)
    if "$ref" in text or ("anyOf" in text and any("$ref" in option for option in text["anyOf"])):
        return "table"
    options = text.get("anyOf", [text])
    return " or ".join(dict.fromkeys(one_type(option) for option in options if option.get("type") != "null"))


def one_type(option: Mapping[str, Any]) -> str:
    """One alternative of a type."""
    if "enum" in option:
        return " or ".join(f"`{value}`" for value in option["enum"])
    plain = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    if option.get("type") == "array":
        return "list"
    return plain.get(str(option.get("type")), "table")


def default(field: msgspec.structs.FieldInfo) -> str:
    """A default as TOML, or a word for it."""
    if field.required:
        return "required"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is None:
        return "none"
    if isinstance(value, (dict, msgspec.Struct)):
        return "see below" if isinstance(value, msgspec.Struct) else "empty"
    return f"`{msgspec.json.encode(value).decode()}`"


def names(table: Mapping[str, Any]) -> str:
    """Entries of a plug-in table."""
    return ", ".join(f"`{name}`" for name in table)


def readme(text: str) -> str:
    """The README with the committed results of every target between its marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    results = [read_result(path) for path in sorted((ROOT / "benchmarks/results").glob("*/deploy-*.json"))]
    body = "\n".join(result_block(result) for result in results) or "No results are committed yet.\n"
    return f"{before}{BEGIN}{body}{END}{after}"


def result_block(result: Result) -> str:
    """One result as a table with its verdict."""
    sentences = "\n\n".join(verdict(result))
    return f"**{result.bundle.name}**. {sentences}\n\n{table_rows(benchmark(result).tables[0])}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
