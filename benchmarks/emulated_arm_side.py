"""What runs under emulation: every candidate of a bundle examined by the device side, as one JSON document.

python benchmarks/emulated_arm_side.py BUNDLE CACHE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from edgetl.bundle import Bundle
from edgetl.device.evaluate import Examined, options_of
from edgetl.device.examine import examine_bundle
from edgetl.device.feeds import feeds_from_golden
from edgetl.device.probe import environment
from edgetl.device.session import Session, Settings, begin
from edgetl.progress import Silent
from edgetl.target import LOCAL

WEIGHTED = ("Conv", "QLinearConv", "ConvInteger", "Gemm", "QGemm", "MatMul", "QLinearMatMul", "MatMulInteger")


def told(session: Session, one: Examined) -> dict[str, Any]:
    """A candidate as the record keeps it."""
    return {
        "variant": one.formed.candidate.variant,
        "passed": one.rejected_because is None,
        "rejected_because": one.rejected_because,
        "accuracy": None if one.accuracy is None else one.accuracy.value,
        "checks": {check.name: check.value for check in one.checks},
        "kernels": {} if one.runner is None else kernels(session, one),
    }


def kernels(session: Session, one: Examined) -> dict[str, int]:
    """How many kernels with weights of each kind and precision a candidate ran."""
    candidate = one.formed.candidate
    backend = session.backends[candidate.runtime]
    feeds = feeds_from_golden(session.exam.golden)[:1]
    found = backend.profile(session.model(one.formed), options_of(candidate), feeds, 1)
    counts: dict[str, int] = {}
    for layer in found.layers:
        kind = f"{layer.kind} {layer.precision}"
        if any(word in layer.kind for word in WEIGHTED):
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def main() -> int:
    bundle, cache = Bundle.open(Path(sys.argv[1])), Path(sys.argv[2])
    here = environment()
    settings = Settings("quick", cache, watch=None)
    session = begin(bundle, LOCAL, settings, Silent(), time.perf_counter_ns)
    examined = list(examine_bundle(session, here))
    document = {
        "candidates": {one.name: told(session, one) for one in examined},
        "environment": msgspec.to_builtins(here),
    }
    print(json.dumps(document))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
