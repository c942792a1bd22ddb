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
_TIME_LIMIT_S = 3600.0


class Output(msgspec.Struct, frozen=True):
    """What a tool said of its work, and how long its process took; see ``tools/answer.py``."""

    seconds: float
    versions: dict[str, str]
    failed: str | None = None
    """In the tool's words."""
    model: str | None = None
    """Inside its folder; ``None`` is the float model. Of a bundle, what is run, and how, is chosen on the device."""
    precision: str = "int8"
    runtimes: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    process_seconds: float | None = None


@dataclass(frozen=True)
class Bench:
    """Where outputs and environments are kept, and what tools are told beside the network and its images."""

    cache: Path
    peers: Mapping[str, Any]
    """Further options of other tools."""
    ours: Mapping[str, Any]
    """Further options of EdgeTL's."""
    tools: Path = TOOLS


@dataclass(frozen=True)
class Finished:
    """A tool's output on the disk."""

    contender: Contender
    folder: Path
    output: Output


def finished(contender: Contender, material: Material, bench: Bench) -> Finished:
    """Build with the tool's own Python, unless the same was built of the same inputs with the same versions before.

    A tool that fails gives an output that says so; it is not tried again either.
    """
    options = {**contender.options, **(bench.peers if contender.is_peer else bench.ours)}
    options |= {"max_drop": material.gates.accuracy_drop_max} if options.get("max_drop") == "gate" else {}
    try:
        tool = _tool(contender, bench)
    except RuntimeError as error:
        return Finished(contender, bench.cache, Output(0.0, {}, failed=f"its environment: {error}"))
    parts = [material.sha256, options, _scripts(contender, bench.tools), tool.sha256 if tool else machinery()]
    folder = bench.cache / "outputs" / f"{contender.script}-{digest(parts)[:16]}"
    told = folder / "answer.json"
    kept = _kept(told)
    if kept is None:
        script = [str(tool.python) if tool else sys.executable, str(bench.tools / f"{contender.script}.py")]
        kept = _built(script, material, _Task(folder, options, _environment(contender)))
        write_bytes(told, msgspec.json.encode(kept))
    return Finished(contender, folder, kept)


def _kept(told: Path) -> Output | None:
    """What an earlier run built; ``None`` where nothing was, or its file is gone."""
    if not told.is_file():
        return None
    output = msgspec.json.decode(told.read_bytes(), type=Output)
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
            subprocess.run(words, stdout=log, stderr=log, timeout=_TIME_LIMIT_S, env=task.environment)
    except subprocess.TimeoutExpired:
        return Output(_TIME_LIMIT_S, {}, failed=f"not done after {_TIME_LIMIT_S:.0f} s")
    seconds = time.perf_counter() - began
    if not answer.is_file():
        return Output(seconds, {}, failed=f"it ended without an answer: {_last_line(folder / 'log.txt')}")
    return msgspec.structs.replace(msgspec.json.decode(answer.read_bytes(), type=Output), process_seconds=seconds)


def _environment(contender: Contender) -> dict[str, str]:
    """The machine's, without what would let a tool see EdgeTL's packages or hold it to one thread."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}
    return dict(os.environ) if not contender.is_peer else {k: v for k, v in os.environ.items() if k not in hidden}


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
