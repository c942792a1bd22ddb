"""What the pages say is so."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import tomllib

from edgetl import __version__, errors
from edgetl.cli import COMMANDS, run
from edgetl.host.variants import variant_name
from edgetl.plugins import RENDERINGS
from edgetl.recipe import recipe_from_data
from edgetl.result import Result

ROOT = Path(__file__).parent.parent
PAGES = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "models").glob("*/*.md")]))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)]+)\)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


FOLLOWED = tuple(page for page in PAGES if "Every block on this page is run by" in page.read_text(encoding="utf-8"))
"""Pages whose blocks tests/end_to_end/test_tutorial.py runs in their order."""


def blocks(language: str, pages: tuple[Path, ...] = PAGES) -> list[tuple[str, str]]:
    """Every block of a language, with the page it is on."""
    found = [(path, match) for path in pages for match in FENCE.finditer(path.read_text(encoding="utf-8"))]
    return [(path.name, match[2]) for path, match in found if match[1] == language]


def commands() -> Iterator[tuple[str, str]]:
    for page, block in blocks("console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                yield page, line[2:]


def edgetl_lines() -> list[list[str]]:
    lines = [shlex.split(line) for _, line in commands()]
    return [words[1:] for words in lines if Path(words[0]).name == "edgetl"]


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "generate", module)  # where msgspec looks up the types of its records
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_fresh(generator: ModuleType) -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generator.pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run: make docs"


def test_schema_of_results_has_every_field_of_a_result() -> None:
    schema = json.loads((ROOT / "docs/result.schema.json").read_text(encoding="utf-8"))
    assert set(schema["$defs"]["Result"]["properties"]) == {
        field.encode_name for field in msgspec.structs.fields(Result)
    }


def test_every_command_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`{name}`" not in readme and f"edgetl {name}" not in readme] == []


@pytest.mark.parametrize("words", edgetl_lines(), ids=" ".join)
def test_command_on_a_page_exists_and_knows_its_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([words[0], "--help"]) == 0
    known = capsys.readouterr().out
    assert [word for word in words[1:] if word.startswith("-") and word not in known] == []


def test_make_targets_on_a_page_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [line.split()[1] for _, line in commands() if line.startswith("make ")]
    assert targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_extras_on_a_page_exist() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"(?:\.|edgetl)\[([a-z,]+)\]", "".join(line for _, line in commands()))
    assert named
    assert {extra for names in named for extra in names.split(",")} <= set(project["optional-dependencies"])


ALONE = tuple(page for page in PAGES if page not in FOLLOWED)


@pytest.mark.parametrize(
    ("page", "block"), blocks("python", ALONE), ids=lambda value: value if len(value) < 30 else "block"
)
def test_python_on_a_page_runs(
    page: str,
    block: str,
    tiny_bundle: Path,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(photo.parent)
    monkeypatch.setenv("EDGETL_CACHE", str(tmp_path / "cache"))
    Path("parts.edgetl").write_bytes(tiny_bundle.read_bytes())
    exec(compile(block, page, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.startswith("light ")


@pytest.mark.parametrize(("page", "block"), blocks("toml"), ids=lambda value: value if len(value) < 30 else "block")
def test_recipe_on_a_page_is_valid(page: str, block: str) -> None:
    assert recipe_from_data(tomllib.loads(block)).name


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_a_heading_find_it(page: Path) -> None:
    found = [match.groups() for match in ANCHOR.finditer(page.read_text(encoding="utf-8")) if "://" not in match[0]]
    missed = [(name, anchor) for name, anchor in found if anchor not in anchors(page.parent / name if name else page)]
    assert missed == []


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        seen.add(page)
        targets = [page.parent / one for one in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in one]
        found = [one.resolve() for target in targets for one in ([target] if target.is_file() else target.glob("*.md"))]
        waiting += [one for one in found if one.suffix == ".md" and one not in seen]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in seen] == []


def test_every_rendering_is_in_the_table_of_its_page_with_the_name_of_its_variant() -> None:
    page = (ROOT / "docs" / "quantization.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `([\w-]+)` \| `([\w-]+)` \|", page, re.MULTILINE)) == {
        (name, variant_name(name)) for name in RENDERINGS
    }


def test_exit_codes_on_the_page_are_those_of_the_errors() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    codes = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and hasattr(kind, "exit_code")}
    assert all(f"| {code} |" in readme for code in codes | {0, 130})


def test_changelog_knows_this_version_or_an_unreleased_one() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changelog or f"## {__version__}" in changelog


def test_committed_measurement_becomes_a_row_with_its_machine(generator: ModuleType, tmp_path: Path) -> None:
    records = generator.read_records(written_record(tmp_path, schema="edgetl.benchmark/1"))
    shown = generator.results(records)
    assert "Target `x86`: Example CPU, 2 CPUs (avx2, avx512_vnni)" in shown
    row = "| features | >= 5 x (**missed**) | speedup 4.57; runtime openvino | `python benchmarks/features.py` |"
    assert row in shown
    assert "0.25" not in shown, "raw samples stay in the file"


def test_measurement_of_another_schema_is_refused(generator: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(errors.InputError, match=r"has schema 'edgetl\.benchmark/9', expected"):
        generator.read_records(written_record(tmp_path, schema="edgetl.benchmark/9"))


def test_page_of_the_recipe_lists_only_keys_that_a_recipe_may_have(generator: ModuleType) -> None:
    page = generator.recipe_page()
    section = page.partition("## [adapt]\n")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == ["method"]


def written_record(folder: Path, schema: str) -> Path:
    environment = {
        "system": "Linux",
        "kernel": "6",
        "python": "3.11",
        "edgetl": "0",
        "cpu": {
            "model": "Example CPU",
            "architecture": "x86_64",
            "isa": ["avx2", "avx512_vnni"],
            "logical_cpus": 2,
            "allowed_cpus": 2,
        },
        "memory_bytes": None,
        "board": None,
        "container": None,
        "runtimes": {"openvino": "1"},
    }
    record = {
        "schema": schema,
        "name": "features",
        "command": "python benchmarks/features.py",
        "limit": ">= 5 x",
        "passed": False,
        "measured": {"speedup": 4.5678, "runtime": "openvino", "raw_seconds": [0.25]},
        "environment": environment,
    }
    (folder / "x86").mkdir()
    (folder / "x86/features.json").write_text(json.dumps(record))
    return folder
