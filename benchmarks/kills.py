"""Ten kills at random moments of a deploy: the same command ends in the same bundle, and no file is left damaged.

    python benchmarks/kills.py -o benchmarks/results/x86-vnni/kills.json

The fine-tuning recipe runs on every n-th photograph at fewer pixels, so that ten kills take minutes. One run is left in
peace. Another, with a cache of its own, is sent SIGKILL at moments drawn between its start and the time that the first
run took, and started again each time. After each kill every file under a final name must be whole: bundles open,
tensors load. A run that comes to its end must have made the first one's bundle; the next begins with an empty cache but
for the runtimes that the first one measured to be fastest: host numbers are those of that runtime (ADR 0007).
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import record
import torch
from safetensors.torch import load_file

from edgetl.bundle import Bundle

FOLDER = Path(__file__).parents[1] / "models" / "solar-cells-finetune"
SOURCE = """
from dataclasses import replace
import importlib.util

spec = importlib.util.spec_from_file_location("whole", {whole!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)


def load():
    dataset = module.load()
    return replace(dataset, samples=dataset.samples[::{every}])
"""


def recipe_in(folder: Path, every: int, epochs: int) -> Path:
    """The recipe with fewer photographs and epochs; gates are left open, as so few photographs cannot pass them."""
    text = (FOLDER / "recipe.toml").read_text(encoding="utf-8")
    text = text.replace("../solar-cells/source.py:load", "source:load")
    text = text.replace("height = 300", "height = 160").replace("width = 300", "width = 160")
    text = "\n".join(f"epochs = {epochs}" if line.startswith("epochs") else line for line in text.splitlines())
    text = text.replace("accuracy_drop_max = 0.005", "accuracy_drop_max = 0.5").replace(
        "margin = 0.015", "margin = 0.5"
    )
    whole = str(FOLDER.parent / "solar-cells" / "source.py")
    (folder / "source.py").write_text(SOURCE.format(whole=whole, every=every), encoding="utf-8")
    shutil.copyfile(FOLDER / "card.md", folder / "card.md")
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    return folder / "recipe.toml"


def begin(folder: Path) -> None:
    """A folder for killed runs that knows what the run in peace measured, and nothing else of it."""
    shutil.copytree(folder / "a" / "cache" / "fastest", folder / "b" / "cache" / "fastest")


def start(recipe: Path, out: Path, cache: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "edgetl.cli", "deploy", str(recipe), "-o", str(out), "--cache", str(cache)]
    return subprocess.Popen([*command, "--effort", "quick"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def checked(path: Path) -> None:
    """Read a checkpoint with its checksums, which torch does not look at."""
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise zipfile.BadZipFile(path)
    torch.load(path, weights_only=True)


def damaged(folder: Path) -> list[str]:
    """Files under a final name that cannot be read."""
    readers: dict[str, Any] = {
        ".edgetl": Bundle.open,
        ".pt": checked,
        ".safetensors": load_file,
        ".npz": lambda path: dict(np.load(path, allow_pickle=False)),
        ".onnx": onnx.load,
        ".json": lambda path: msgspec.json.decode(path.read_bytes()),
    }
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix in readers:
            try:
                readers[path.suffix](path)
            except Exception as error:  # noqa: BLE001 - whatever a reader raises
                found.append(f"{path.name}: {type(error).__name__}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", type=Path, dest="out")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator, kills, ends = random.Random(arguments.seed), [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        recipe = recipe_in(folder, arguments.every, arguments.epochs)
        (folder / "a").mkdir()
        began = time.monotonic()
        code = start(recipe, folder / "a" / "out.edgetl", folder / "a" / "cache").wait()
        whole_s = time.monotonic() - began
        expected, broken = Bundle.open(folder / "a" / "out.edgetl").sha256, []
        out = folder / "b" / "out.edgetl"
        begin(folder)
        while len(kills) < arguments.kills:
            process = start(recipe, out, folder / "b" / "cache")
            # the first moments of a run are all alike: most of the time is spent after them
            moment = generator.uniform(0.05, 1.0) * whole_s
            try:
                ends.append([process.wait(moment), out.is_file() and Bundle.open(out).sha256 == expected])
                shutil.rmtree(folder / "b")
                begin(folder)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills.append(round(moment / whole_s, 3))
                broken += damaged(folder / "b")
        last = start(recipe, out, folder / "b" / "cache").wait()
        ends.append([last, out.is_file() and Bundle.open(out).sha256 == expected])
        leftovers = [path.name for path in (folder / "b").iterdir() if path.name.startswith(".")]
    same = sum(end == [0, True] for end in ends)
    measured = {
        "killed": len(kills),
        "ended_with_the_same_bundle": f"{same} of {len(ends)}",
        "damaged": len(broken),
        "kills": kills,
        "exit_code_in_peace": code,
        "ends_by_exit_code_and_same_bundle": ends,
        "bundle_sha256": expected,
        "damaged_files": broken,
        "temporary_files_beside_the_bundle": leftovers,
    }
    passed = not broken and code == 0 and all(end == [0, True] for end in ends)
    return record.write(arguments.out, "ten kills", "same bundle, no damaged file", measured, passed)


if __name__ == "__main__":
    raise SystemExit(main())
