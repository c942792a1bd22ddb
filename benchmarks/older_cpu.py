"""Run a model in a process from which VNNI and AMX (and AVX-512) are hidden: the real kernels of older CPUs.

python benchmarks/older_cpu.py MODEL.onnx INPUTS.npy OUTPUTS.npz --hide avx512

Linux on x86-64 only. An older CPU has nothing to hide; any other one (or its virtual machine) must be able to make
CPUID fault, and there must be a C compiler.
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgetl.tensors import Array, Feed

SOURCE = Path(__file__).with_suffix(".c")
FLAGS = {
    "vnni": frozenset({"avx512_vnni", "avx_vnni", "amx_int8"}),
    "avx512": frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "avx512f"}),
}
"""Of ``/proc/cpuinfo``: what there is to hide."""


def compiled(folder: Path) -> Path:
    """The library that hides instruction sets.

    Raises:
        FileNotFoundError: there is no C compiler.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("there is no C compiler: cc is not on the PATH")
    library = folder / "older_cpu.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    return library


def hide(library: Path, avx512: bool) -> None:
    """From this process, and for good.

    Raises:
        OSError: the kernel or the CPU cannot.
    """
    if ctypes.CDLL(str(library)).older_cpu(int(avx512)):
        raise OSError("CPUID cannot be made to fault here")


def computed(model: Path, samples: Iterable[Feed], runtime: str) -> dict[str, Array]:
    """What a runtime's fast kernels for this CPU make of each sample, stacked; sums may saturate."""
    import numpy as np

    from edgetl.plugins import BACKENDS, find
    from edgetl.runner import LoadOptions
    from edgetl.tensors import feeds_of

    runner = find(BACKENDS, runtime, "runtime").load(model, LoadOptions(threads=1, precision="int8"))
    rows = [runner.infer(feeds_of(sample, runner.inputs)) for sample in samples]
    runner.close()
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("inputs", type=Path, help=".npy; each row is run alone")
    parser.add_argument("outputs", type=Path)
    parser.add_argument("--runtime", default="onnxruntime")
    parser.add_argument("--hide", choices=("vnni", "avx512"), default="avx512", help="VNNI and AMX, or AVX-512 too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgetl-older-") as folder:
        try:
            if FLAGS[arguments.hide] & set(Path("/proc/cpuinfo").read_text().split()):
                hide(compiled(Path(folder)), arguments.hide == "avx512")
        except OSError as error:
            print(f"cannot hide instruction sets: {error}", file=sys.stderr)
            return 4
    import numpy as np  # whatever is imported before sees the CPU as it is

    np.savez(arguments.outputs, **computed(arguments.model, np.load(arguments.inputs), arguments.runtime))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
