"""Which code runs and times an inference."""

from __future__ import annotations

import hashlib
from pathlib import Path

_DEVICE = Path(__file__).parents[1]
_TIMED_CODE = ("backends/*.py", "checked_runner.py", "bench/timing/*.py")


def harness_sha256(device: Path = _DEVICE) -> str:
    """Hash of every file whose change can change a latency: the runtimes, the runner around them, and the loop.

    What judges samples is not among them: it can be asked again of samples that are kept.

    Args:
        device: the folder ``edgetl/device``.
    """
    digest = hashlib.sha256()
    for path in sorted(path for pattern in _TIMED_CODE for path in device.glob(pattern)):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(device).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()
