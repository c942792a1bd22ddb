"""The architecture, as promised: who may import whom, and how large anything may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetl import plugins

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "edgetl"
SOURCES = tuple(sorted(PACKAGE.rglob("*.py")))
HOST_ONLY = ("torch", "torchvision", "timm", "onnx", "onnxscript", "sklearn", "scipy", "safetensors", "huggingface_hub")
RUNTIMES = ("onnxruntime", "openvino", "tensorrt", "pycuda")
TABLES = {
    "BACKENDS": plugins.BACKENDS,
    "METHODS": plugins.METHODS,
    "RENDERINGS": plugins.RENDERINGS,
    "TARGETS": plugins.TARGETS,
    "SENSORS": plugins.SENSORS,
    "TASKS (host)": {name: pair[0] for name, pair in plugins.TASKS.items()},
    "TASKS (device)": {name: pair[1] for name, pair in plugins.TASKS.items()},
}
ENTRIES = [(table, name) for table, entries in TABLES.items() for name in entries]


def module_name(source: Path) -> str:
    parts = source.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_device_side(source: Path) -> bool:
    room = source.relative_to(PACKAGE).parts[0]
    return room not in ("host", "pipeline.py") and source.name != "__main__.py"


DEVICE_SIDE = tuple(source for source in SOURCES if is_device_side(source))
NEEDS_HOST = ("edgetl.cli.request",)


def relative(source: Path) -> str:
    return str(source.relative_to(ROOT))


def test_imports_point_down() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    # Without its cache, which two runs at a time spoil for each other.
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_top_level_module_has_its_place_in_the_layers() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    modules = {module_name(source) for source in SOURCES if len(module_name(source).split(".")) == 2}
    unplaced = sorted(
        name for name in modules if f'"{name}"' not in text and f"{name} " not in text and f" {name}" not in text
    )
    assert unplaced == []


def test_device_side_imports_where_torch_and_runtimes_cannot_be_imported() -> None:
    blocked = (*HOST_ONLY, *RUNTIMES)
    names = [module_name(source) for source in DEVICE_SIDE if module_name(source) not in NEEDS_HOST]
    program = (
        f"import sys, importlib\nfor name in {blocked!r}: sys.modules[name] = None\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert not any(name.startswith('edgetl.host') for name in sys.modules), 'the host half was imported'"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_modules_have_at_most_300_lines() -> None:
    assert [relative(s) for s in SOURCES if len(s.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_functions_have_at_most_40_lines_and_5_arguments() -> None:
    too_large = [
        f"{relative(source)}: {function.name}: {lines_of(function)} lines, {arguments_of(function)} arguments"
        for source in SOURCES
        for function in functions(source)
        if lines_of(function) > 40 or arguments_of(function) > allowed_arguments(source)
    ]
    assert too_large == []


def test_nothing_is_printed_outside_the_command_line() -> None:
    printing = [
        f"{relative(source)}:{node.lineno}"
        for source in SOURCES
        if "cli" not in source.parts
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_runtime_is_named_for_import_only_in_its_backend_file(runtime: str) -> None:
    allowed = {f"edgetl/device/backends/{runtime}.py"}
    if runtime == "onnxruntime":
        # its graph quantizer, which has no counterpart elsewhere
        allowed |= {relative(source) for source in (PACKAGE / "host/quantize").glob("*.py")}
    if runtime == "pycuda":
        allowed = {"edgetl/device/backends/tensorrt.py"}
    importing = {relative(source) for source in SOURCES if runtime in set(imported(source))}
    assert importing - allowed == set()


@pytest.mark.parametrize(("table", "name"), ENTRIES, ids=lambda value: str(value))
def test_table_entry_resolves_to_something_of_that_name(table: str, name: str) -> None:
    entry = plugins.find(TABLES[table], name, table)
    assert getattr(entry, "name", name) == name


def test_device_side_has_the_grammar_of_python_3_10() -> None:
    for source in DEVICE_SIDE:
        ast.parse(source.read_text(encoding="utf-8"), str(source), feature_version=(3, 10))


def test_device_side_uses_no_name_that_python_3_10_lacks() -> None:
    newer = [f"{relative(source)}: {name}" for source in DEVICE_SIDE for name in newer_names(source)]
    assert newer == []


NEWER = {
    "datetime": {"UTC"},
    "typing": {"Self", "Never", "LiteralString", "assert_never", "reveal_type", "Unpack", "TypeVarTuple", "override"},
    "enum": {"StrEnum", "verify"},
    "hashlib": {"file_digest"},
    "contextlib": {"chdir"},
    "itertools": {"batched"},
    "asyncio": {"TaskGroup", "timeout", "Runner"},
    "tomllib": {"*"},
}
"""What Python 3.11 and later added."""


def newer_names(source: Path) -> Iterator[str]:
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ImportFrom) and node.module in NEWER:
            yield from (f"{node.module}.{a.name}" for a in node.names if {a.name, "*"} & NEWER[node.module])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in NEWER.get(node.value.id, set()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if "*" in NEWER.get(alias.name, set()))
        elif isinstance(node, ast.Name) and node.id in ("ExceptionGroup", "BaseExceptionGroup"):
            yield node.id


def parsed(source: Path) -> ast.Module:
    return ast.parse(source.read_text(encoding="utf-8"), str(source))


def functions(source: Path) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(parsed(source)) if isinstance(node, ast.FunctionDef))


def lines_of(function: ast.FunctionDef) -> int:
    """Without the docstring, which may be as long as it must."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    described = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - described


def arguments_of(function: ast.FunctionDef) -> int:
    arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([name for name in arguments if name not in ("self", "cls")])


def allowed_arguments(source: Path) -> int:
    """Commands take one argument per flag."""
    return 7 if "cli" in source.parts else 5


def imported(source: Path) -> Iterator[str]:
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "import_package",
            "import_module",
        ):
            yield from (str(a.value).split(".")[0] for a in node.args[:1] if isinstance(a, ast.Constant))
