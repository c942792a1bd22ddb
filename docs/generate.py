"""Write the pages that follow from code and results: recipe.md, JSON schemas, and what was measured.

``python docs/generate.py`` writes them; with ``--check`` it only says which are stale, and exits with 1 then.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from backbones_page import page as backbones_page
from benchmarking_page import page as benchmarking_page
from machines import machine
from peers_page import page as peers_page
from schemas import SCHEMAS, schema_text
from suites_page import section as suites_section

from edgetl import gates, preprocess, recipe
from edgetl.device.bench.harness import harness_sha256
from edgetl.environment import Environment
from edgetl.errors import InputError
from edgetl.host.adapt import Method
from edgetl.host.training.options import Augment
from edgetl.plugins import METHODS, RENDERINGS, TARGETS, TASKS, find_task, resolve
from edgetl.report.markdown import table_rows
from edgetl.report.page import Column, Table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks/results"
SCHEMA = "edgetl.benchmark/1"
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

## On the command line

`--set SECTION.KEY=VALUE` of `edgetl deploy` and `edgetl prepare` says any key of this page, as often as wanted: instead
of what the recipe says, or where there is no recipe (`--data` with `--backbone`, or `--onnx`). What a message wants in
`[quantize]` or `[gates]` can be said there, too. The bundle keeps the recipe that it amounts to. `edgetl quantize`
takes it with `--onnx`.

```console
$ edgetl prepare --onnx model.onnx --data photos -o own.edgetl --set quantize.search=all --set gates.margin=0.02
```

VALUE is as in TOML; a word that is no TOML (`all`) is a text. In lists texts need quotes, and those need other ones
around them, because a shell takes them away: `--set 'quantize.treatments=["equalise"]'`. What lies deeper has more
names, as in `--set gates.target.local.latency_p99_ms_max=5`, what stands at the top of the file has one, as in
`--set seed=1`. A key with a table as its value is replaced as a whole. With `--onnx`, keys that mean nothing for a
trained model (`adapt`) are refused.
"""
BENCHMARKS = """# Benchmarks

<!-- Written by docs/generate.py from the scripts here and the files in results/; edit those. -->

Speed is a ratio to something else that is measured in the same run, in turn with it; absolute times say more about the
machine and its mood than about the program. Every script but `suite.py` takes `-o FILE`, writes its raw samples and the
machine to it, and ends with exit code 3 when it misses its limit.
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
    records = read_records(RESULTS)
    return {
        ROOT / "benchmarks/README.md": benchmarks_page(records),
        ROOT / "benchmarks/peers/README.md": peers_page(by_machine(records)),
        ROOT / "docs/benchmarking.md": benchmarking_page((ROOT / "docs/benchmarking.md").read_text(encoding="utf-8")),
        ROOT / "docs/backbones.md": backbones_page(families(records)),
        ROOT / "docs/recipe.md": recipe_page(),
        **{ROOT / f"docs/{name}.schema.json": schema_text(kind) for name, kind in SCHEMAS.items()},
        ROOT / "README.md": readme((ROOT / "README.md").read_text(encoding="utf-8"), records),
    }


def by_machine(records: Mapping[str, tuple[Record, ...]]) -> dict[str, list[dict[str, Any]]]:
    """What was measured, by its target and machine in words."""
    found: dict[str, list[dict[str, Any]]] = {}
    for target, record in ((target, one) for target, several in records.items() for one in several):
        found.setdefault(f"`{target}`: {machine(record.environment)}", []).append(record.measured)
    return found


def families(records: Mapping[str, tuple[Record, ...]]) -> Mapping[str, Any]:
    """What was recorded of every family of backbones, on the last target that has it."""
    found: dict[str, Any] = {}
    for record in (record for measured in records.values() for record in measured):
        found = record.measured.get("families", found)
    return found


def recipe_page() -> str:
    """What every key of a recipe means."""
    parts = [INTRODUCTION]
    parts += [section(title, struct) for title, struct in SECTIONS]
    for name in METHODS:
        method: Method = resolve(METHODS[name])
        parts.append(section(f'[adapt] with method = "{name}"', method.options))
    parts.append(section("[adapt.augment] of a trained method", Augment))
    tasks = [name for name in TASKS if find_task(name, "host").trainable]
    parts.append(
        f"## Names\n\n- tasks: {names(tasks)}\n- methods: {names(METHODS)}\n- renderings: {names(RENDERINGS)}\n"
        f"- targets: {names(TARGETS)}\n"
    )
    return "\n".join(parts)


def section(title: str, struct: type[msgspec.Struct]) -> str:
    """One table: key, type, default, meaning."""
    meanings = docstrings(struct)
    text = inspect.getdoc(struct) or ""
    lines = [f"## {title}", "", text.replace("``", "`"), ""]
    if msgspec.structs.fields(struct):
        lines += ["| key | type | default | |", "| --- | --- | --- | --- |"]
    for field in fields_in_files(struct):
        meaning = " ".join(meanings.get(field.name, "").split()).replace("``", "`").replace("|", "\\|")
        lines.append(f"| `{field.name}` | {type_name(field.type)} | {default(field)} | {meaning} |")
    return "\n".join(lines).rstrip() + "\n"


def fields_in_files(struct: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The fields that are keys of a recipe; the options of a method stand beside ``method`` there."""
    fields = msgspec.structs.fields(struct)
    return tuple(field for field in fields if (struct, field.name) != (recipe.Adapt, "options"))


def docstrings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The string below each field in the source, of the struct itself or of what it inherits from."""
    found: dict[str, str] = {}
    for kind in reversed([base for base in struct.__mro__ if issubclass(base, msgspec.Struct)][:-1]):
        body = ast.parse(inspect.getsource(kind)).body[0]
        assert isinstance(body, ast.ClassDef)
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


def names(table: Iterable[str]) -> str:
    """Entries of a plug-in table."""
    return ", ".join(f"`{name}`" for name in table)


class Record(msgspec.Struct, frozen=True):
    """One result file, as ``benchmarks/record.py`` writes it."""

    schema: str
    name: str
    command: str
    limit: str
    passed: bool
    measured: dict[str, Any]
    environment: Environment


def read_records(folder: Path) -> dict[str, tuple[Record, ...]]:
    """The committed results of every target.

    Raises:
        InputError: a file is of another schema, or damaged.
    """
    found: dict[str, tuple[Record, ...]] = {}
    for path in sorted(folder.glob("*/*.json")):
        try:
            record = msgspec.json.decode(path.read_bytes(), type=Record)
        except msgspec.DecodeError as error:
            raise InputError(f"result {str(path)!r} is not of schema {SCHEMA!r}: {error}") from error
        if record.schema != SCHEMA:
            raise InputError(f"result {str(path)!r} has schema {record.schema!r}, expected {SCHEMA!r}; measure again")
        found[path.parent.name] = (*found.get(path.parent.name, ()), record)
    return found


def readme(text: str, records: Mapping[str, tuple[Record, ...]]) -> str:
    """The README with the committed results of every target between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}{results(records)}{END}{rest.split(END)[1]}"


def benchmarks_page(records: Mapping[str, tuple[Record, ...]]) -> str:
    """What is measured, how to repeat it, and what came out."""
    lines = []
    folder = ROOT / "benchmarks"
    for path in (*sorted(folder.glob("*.py")), folder / "peers/run.py"):
        text = path.read_text(encoding="utf-8")
        title = (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0].replace("``", "`")
        if "__main__" in text:
            name = path.relative_to(folder).as_posix()
            lines.append(f"- [{name}]({name}): {title}")
    suites = suites_section(RESULTS, ROOT / "benchmarks/suites", harness_sha256())
    return f"{BENCHMARKS}\n" + "\n".join(lines) + f"\n\n## Results\n\n{results(records)}\n{suites}"


def results(records: Mapping[str, tuple[Record, ...]]) -> str:
    """One table per target and machine."""
    blocks = []
    for target, measured in records.items():
        machines = dict.fromkeys(machine(record.environment) for record in measured)
        for one in machines:
            rows = tuple(row(record) for record in measured if machine(record.environment) == one)
            columns = tuple(Column(title) for title in ("what", "limit", "measured", "command"))
            blocks.append(f"Target `{target}`: {one}.\n\n{table_rows(Table(target, columns, rows))}\n")
    return "\n".join(blocks) or "No results are committed yet.\n"


def row(record: Record) -> tuple[str, ...]:
    """One benchmark as a line of the table."""
    limit = record.limit if record.passed else f"{record.limit} (**missed**)"
    return record.name, limit, "; ".join(scalars(record.measured)), f"`{record.command}`"


def scalars(measured: Mapping[str, Any]) -> list[str]:
    """The plain values of a measurement, or those one level down where it has none; samples and hashes stay there."""
    plain = {
        key: value
        for key, value in measured.items()
        if isinstance(value, (str, int, float)) and not key.endswith("sha256")
    }
    if not plain:
        for group, values in measured.items():
            if isinstance(values, dict):
                plain |= {f"{group} {key}": v for key, v in values.items() if isinstance(v, (str, int, float))}
    return [f"{key.replace('_', ' ')} {shown(value)}" for key, value in plain.items() if value != ""]


def shown(value: Any) -> str:
    """A value with three digits."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
