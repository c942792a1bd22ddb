"""A calibration that was stopped half-way: what it had seen, to go on from there."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.files import write_bytes
from edgetl.host.quantize.histogram import BINS, Watched
from edgetl.host.quantize.record import DAMAGE

SCHEMA = "edgetl.calibration-unfinished/1"
EVERY = 50
"""Images from one saving to the next."""


@dataclass(frozen=True)
class Unfinished:
    """The first images of a calibration, and what was seen of every tensor on them."""

    graph_sha256: str
    digests: tuple[str, ...]
    """Of the images, in the order they came."""
    tensors: Mapping[str, Watched]

    def save(self, path: Path) -> None:
        """Write as ``.npz``, whole or not at all."""
        watched = tuple(self.tensors.values())
        meta = {
            "schema": SCHEMA,
            "graph_sha256": self.graph_sha256,
            "digests": self.digests,
            "tensors": [
                [name, one.arrays, one.exponent, one.first, len(one.means)] for name, one in self.tensors.items()
            ],
        }
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            meta=np.frombuffer(json.dumps(meta).encode(), np.uint8),
            bounds=np.array([[one.low, one.high] for one in watched], np.float64).reshape(-1, 2),
            counts=np.array([one.counts for one in watched], np.int64).reshape(-1, BINS),
            means=np.concatenate([np.zeros(0), *(one.means for one in watched)]),
        )
        write_bytes(path, buffer.getvalue())


def read_unfinished(path: Path, graph_sha256: str, tensors: frozenset[str]) -> Unfinished | None:
    """What :meth:`Unfinished.save` wrote; ``None`` when it is not there, damaged, or of another graph.

    Nothing is lost by that but time.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            found = _unfinished(meta, {name: archive[name] for name in ("bounds", "counts", "means")})
    except (OSError, *DAMAGE):
        return None
    return found if found.graph_sha256 == graph_sha256 and tensors == set(found.tensors) else None


def _unfinished(meta: dict[str, Any], arrays: Mapping[str, Any]) -> Unfinished:
    if meta["schema"] != SCHEMA:
        raise ValueError("another schema")
    found: dict[str, Watched] = {}
    averaged = 0
    rows = zip(meta["tensors"], arrays["bounds"].tolist(), arrays["counts"], strict=True)
    for (name, seen, exponent, first, channels), (low, high), counts in rows:
        means = arrays["means"][averaged : averaged + channels]
        averaged += channels
        found[name] = Watched(int(seen), low, high, int(exponent), int(first), counts.astype(np.int64), means)
    if averaged != len(arrays["means"]) or arrays["counts"].shape[1:] != (BINS,):
        raise ValueError("its tensors and its arrays disagree")
    return Unfinished(str(meta["graph_sha256"]), tuple(map(str, meta["digests"])), found)
