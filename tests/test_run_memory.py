"""Half an hour of samples and readings fits beside a runtime on a small device."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / "benchmarks/run_memory.py"
RISE_MAX_MB = 14.0
"""Beside 37 MB that Python, what the command imports and the process that reads sensors take (benchmarks/soak.py)."""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux forgets a peak of memory")
def test_numbers_of_a_sustained_run_take_little_memory() -> None:
    ran = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True)
    told = json.loads(ran.stdout)
    assert (told["samples"], told["readings"]) == (40_000, 50 * 3600)
    assert told["rise_mb"] < RISE_MAX_MB


def test_plain_models_are_timed_without_a_decoder_of_images() -> None:
    program = "import sys, edgetl.cli.bench, edgetl.device.bench.models, edgetl.report.benchmark; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "PIL.Image" not in ran.stdout.split()
