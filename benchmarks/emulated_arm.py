"""Graphs for ARM CPUs in ONNX Runtime for ARM, on an emulated one: do they answer as the host that made them expected?

    python benchmarks/emulated_arm.py -o benchmarks/results/emulated-arm/families.json

The device side of EdgeTL runs under qemu with Debian's Python and the wheels for ARM: it opens each bundle, verifies
the golden outputs of every candidate, judges it by its gates, and profiles which kernels computed its layers. Nothing
is timed, because time under emulation says nothing of a device. Weights are random and images made up, see families.py;
``--recipe`` takes a recipe of models/ instead.

Needs Linux with apt (Debian 12 or its like), qemu-user-static, and a package index.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import families
import msgspec
import record

from edgetl.bundle import Bundle
from edgetl.host.graph import read_graph
from edgetl.host.prepare import prepare
from edgetl.host.quantize.coverage import coverage
from edgetl.host.request import PrepareRequest
from edgetl.progress import Silent
from edgetl.recipe import Recipe, read_recipe

INT8 = "int8-arm"
EMULATOR = "qemu-aarch64-static"
CPU = "cortex-a76"
"""Of a Raspberry Pi 5: with SDOT, without SMMLA."""
CPUINFO = "\n\n".join(
    f"processor\t: {number}\nBogoMIPS\t: 100.00\n"
    "Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp\n"
    "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1"
    for number in range(2)
)
"""Without it ONNX Runtime reads the host's, and ends in a segmentation fault."""
# fmt: off
PYTHON = (
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6", "libstdc++6", "libgcc-s1",
    "zlib1g", "libexpat1", "libssl3", "libffi8", "libbz2-1.0", "liblzma5", "libsqlite3-0", "libuuid1",
    "libncursesw6", "libtinfo6", "libreadline8", "libdb5.3", "libcrypt1",
)
# fmt: on
"""Debian's packages."""
WHEELS = ("numpy", "onnxruntime", "msgspec", "pillow", "click", "rich")
PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
SIDE = Path(__file__).with_name("emulated_arm_side.py")
CLONE = Path(__file__).parents[1]


class Arm:
    """An ARM system in a folder: Debian's Python, and what the device side imports."""

    def __init__(self, folder: Path) -> None:
        self._root, self._site = folder / "root", folder / "site"
        if not (folder / "complete").exists():
            self._debian(folder)
            self._wheels()
            (folder / "complete").touch()

    def run(self, script: Path, *arguments: object) -> str:
        """What a script prints.

        Raises:
            CalledProcessError: it failed.
        """
        python = self._root / "usr/bin/python3.11"
        path = f"PYTHONPATH={self._site}:{CLONE}"
        words = [EMULATOR, "-cpu", CPU, "-E", path, "-L", self._root, python, script, *arguments]
        return subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def _debian(self, folder: Path) -> None:
        packages = folder / "packages"
        for name in ("packages", "state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        settings = {
            "APT::Architecture": "arm64",
            "APT::Architectures": "arm64",
            "APT::Sandbox::User": "root",
            "Dir::State": folder / "state",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": folder / "cache",
        }
        apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in settings.items())]
        subprocess.run([*apt, "update"], check=False, stdout=sys.stderr)
        subprocess.run([*apt, "download", *PYTHON], check=True, cwd=packages, stdout=sys.stderr)
        for package in sorted(packages.glob("*.deb")):
            subprocess.run(["dpkg", "-x", package, self._root], check=True)
        (self._root / "proc").mkdir(exist_ok=True)
        (self._root / "proc/cpuinfo").write_text(CPUINFO + "\n", encoding="ascii")

    def _wheels(self) -> None:
        python = ["--python-version", "3.11", "--implementation", "cp", "--only-binary=:all:"]
        platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
        subprocess.run([*pip, "--target", self._site, *python, *platforms, *WHEELS], check=True, stdout=sys.stderr)


def for_arm(recipe: Recipe) -> Recipe:
    """A recipe with the rendering for ARM alone."""
    return msgspec.structs.replace(recipe, quantize=msgspec.structs.replace(recipe.quantize, renderings=("arm",)))


def examined(recipe: Recipe, base: Path, folder: Path, arm: Arm) -> dict[str, Any]:
    """Prepare here, examine there."""
    bundle = folder / f"{recipe.name}.edgetl"
    prepare(PrepareRequest(for_arm(recipe), base, bundle, folder / "cache", threads=2), Silent())
    found: dict[str, Any] = json.loads(arm.run(SIDE, bundle, folder / "there"))
    opened = Bundle.open(bundle)
    is_bundled = INT8 in {variant.name for variant in opened.manifest.variants}
    layers = coverage(read_graph(opened.model(INT8, folder / "cache/models"))).quantized if is_bundled else ()
    return {"quantized_layers": len(layers), **found}


def is_right(found: dict[str, Any]) -> bool:
    """Whether float and int8 passed there, and every quantized layer was computed in integers."""
    passed = {row["variant"]: row["kernels"] for row in found["candidates"].values() if row["passed"]}
    in_integers = sum(count for kind, count in passed.get(INT8, {}).items() if kind.endswith(" int8"))
    return passed.keys() == {"fp32", INT8} and in_integers == found["quantized_layers"] > 0


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", default=list(families.FAMILIES), help="families, by default all")
    parser.add_argument("--recipe", type=Path, action="append", help="of models/, instead of families")
    parser.add_argument("--cache", type=Path, help="where the ARM system stays, to be used again")
    parser.add_argument("-o", type=Path, dest="out")
    arguments = parser.parse_args(words)
    for needed, package in ((EMULATOR, "qemu-user-static"), ("apt-get", "apt"), ("dpkg", "dpkg")):
        if shutil.which(needed) is None:
            parser.error(f"{needed} is not on the PATH; install {package}")
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="edgetl-arm-") as name:
        folder = Path(name)
        arm = Arm((arguments.cache or folder / "arm").resolve())
        if arguments.recipe:
            cases = [(read_recipe(path), path.parent) for path in arguments.recipe]
        else:
            photos = families.textures(folder / "photos")
            cases = [(families.recipe_of(family, photos, "linear-probe"), folder) for family in arguments.names]
        for recipe, base in cases:
            rows[recipe.name] = examined(recipe, base, folder, arm)
            print(recipe.name, "as expected" if is_right(rows[recipe.name]) else "NOT as expected", file=sys.stderr)
    right = sum(map(is_right, rows.values()))
    measured = {"as_expected": right, "of": len(rows), "emulated_cpu": CPU, "cases": rows}
    limit = "float and int8 pass their checks on the emulated CPU, and every quantized layer is computed in integers"
    return record.write(arguments.out, "graphs for ARM, emulated", limit, measured, right == len(rows))


if __name__ == "__main__":
    raise SystemExit(main())
