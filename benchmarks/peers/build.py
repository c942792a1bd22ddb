"""Have a tool build its output, once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from peers.contenders import CONTENDERS, ENVIRONMENTS, Contender
from peers.environments import ToolEnvironment, environment_of
from peers.material import Material

from edgetl.artifact import sha256_of
from edgetl.files import write_bytes
from edgetl.host.cache import digest
from edgetl.host.fingerprint import machinery

TOOLS = Path(__file__).parent / "tools"
TIME_LIMIT_S = 3600.0


class Output(msgspec.Struct, frozen=True):
    """What a tool said of its work, see ``tools/answer.py``, and how long that took."""

    versions: dict[str, str]
    seconds: float = 0.0
    """From the start of the tool's process to its end, or until it was stopped: imports, reading and writing count."""
    failed: str | None = None
    """In the tool's words."""
    stopped_after_s: float | None = None
    """Of a tool that was not done by then; ``None`` of one that ended by itself."""
    model: str | None = None
    """Inside its folder; ``None`` is the float model. Of a bundle, what is run, and how, is chosen on the device."""
    precision: str = "int8"
    runtimes: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """Where outputs and environments are kept, and what tools are told beside the network and its samples."""

    cache: Path
    peers: Mapping[str, Any]
    """Further options of other tools."""
    ours: Mapping[str, Any]
    """Further options of EdgeTL's."""
    tools: Path = TOOLS


@dataclass(frozen=True)
class Terms:
    """On which a tool builds."""

    limit_s: float = TIME_LIMIT_S
    """It is stopped then."""
    anew: bool = False
    """Whether it builds although an earlier run did, because its time is compared with another's of this run."""


@dataclass(frozen=True)
class Finished:
    """A tool's output on the disk."""

    contender: Contender
    folder: Path
    output: Output
    reused: bool = False
    """Whether an earlier run built it, beside whatever else the machine did then."""


def finished(contender: Contender, material: Material, bench: Bench, terms: Terms | None = None) -> Finished:
    """Build with the tool's own Python, unless the same was built of the same inputs with the same versions before.

    A tool that fails gives an output that says so; it is not tried again either, unless it was stopped earlier than
    ``terms`` say.
    """
    terms = terms or Terms()
    options = {**contender.options, **(bench.peers if contender.is_peer else bench.ours)}
    options |= {"max_drop": material.gates.accuracy_drop_max} if options.get("max_drop") == "gate" else {}
    try:
        tool = _tool(contender, bench)
    except RuntimeError as error:
        return Finished(contender, bench.cache, Output({}, failed=f"its environment: {error}"))
    parts = [material.sha256, options, _scripts(contender, bench.tools), tool.sha256 if tool else machinery()]
    folder = bench.cache / "outputs" / f"{contender.script}-{digest(parts)[:16]}"
    told = folder / "answer.json"
    kept = None if terms.anew else _kept(told, terms.limit_s)
    if kept is not None:
        return Finished(contender, folder, kept, reused=True)
    script = [str(tool.python) if tool else sys.executable, str(bench.tools / f"{contender.script}.py")]
    made = _built(script, material, _Task(folder, options, _environment(contender), terms.limit_s))
    write_bytes(told, msgspec.json.encode(made))
    return Finished(contender, folder, made)


def _kept(told: Path, limit_s: float) -> Output | None:
    """What an earlier run built; ``None`` where nothing was, its file is gone, or it had less time."""
    if not told.is_file():
        return None
    output = msgspec.json.decode(told.read_bytes(), type=Output)
    if output.stopped_after_s is not None and output.stopped_after_s < limit_s:
        return None
    return output if output.model is None or (told.parent / output.model).is_file() else None


def _tool(contender: Contender, bench: Bench) -> ToolEnvironment | None:
    if contender.environment is None:
        return None
    name = contender.environment
    return environment_of(name, ENVIRONMENTS[name], bench.cache / "environments")


def _scripts(contender: Contender, tools: Path) -> list[str]:
    """Of the tool's own script and of those that scripts share."""
    shared = sorted({path.stem for path in tools.glob("*.py")} - {one.script for one in CONTENDERS})
    return [sha256_of(tools / f"{name}.py") for name in (*shared, contender.script)]


@dataclass(frozen=True)
class _Task:
    folder: Path
    options: Mapping[str, Any]
    environment: Mapping[str, str]
    limit_s: float


def _built(script: Sequence[str], material: Material, task: _Task) -> Output:
    folder = task.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    told, answer = folder / "options.json", folder / "built.json"
    told.write_text(json.dumps({**task.options, "cache": str(material.cache)}))
    words = [*script, *map(str, (material.model, material.calibration, folder, told))]
    began = time.perf_counter()
    try:
        with (folder / "log.txt").open("w") as log:
            subprocess.run(words, stdout=log, stderr=log, timeout=task.limit_s, env=task.environment)
    except subprocess.TimeoutExpired:
        limit_s = task.limit_s
        return Output({}, limit_s, failed=f"not done after {limit_s:.0f} s", stopped_after_s=limit_s)
    seconds = time.perf_counter() - began
    if not answer.is_file():
        return Output({}, seconds, failed=f"it ended without an answer: {_last_line(folder / 'log.txt')}")
    return msgspec.structs.replace(msgspec.json.decode(answer.read_bytes(), type=Output), seconds=seconds)


def _environment(contender: Contender) -> dict[str, str]:
    """The machine's, without what would hold a tool to one thread or let one that is not EdgeTL see its packages."""
    hidden = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    hidden |= {"PYTHONPATH", "VIRTUAL_ENV"} if contender.is_peer else set()
    return {name: value for name, value in os.environ.items() if name not in hidden}


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
