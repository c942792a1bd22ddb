"""Preprocessing beside bare Pillow doing the same work: interleaved blocks, ratio of medians.

python benchmarks/preprocess.py [-o RESULT.json] [--rounds N]
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import record
from PIL import Image

from edgetl.preprocess import Preprocess
from edgetl.tensors import Array

LIMIT = 1.2
BLOCK = 5
PREPROCESS = Preprocess(224, 224)
CROP = Preprocess(224, 224, fit="crop", crop=0.875)
BICUBIC = Image.Resampling.BICUBIC


@dataclass(frozen=True)
class Case:
    """One input, prepared by EdgeTL and by bare Pillow."""

    name: str
    ours: Callable[[], Array]
    bare: Callable[[], Array]


def photo(width: int, height: int) -> Image.Image:
    """A smooth picture with some noise, so that codecs work as hard as on a photo."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), BICUBIC), dtype=np.int16)
    return Image.fromarray(np.clip(smooth + random.integers(-6, 7, smooth.shape), 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bare_file(data: bytes, box: tuple[float, float, float, float]) -> Array:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB").resize((224, 224), BICUBIC, box=box))


def bare_frame(frame: Array, box: tuple[float, float, float, float] | None = None) -> Array:
    return np.asarray(Image.fromarray(frame[:, :, ::-1]).resize((224, 224), BICUBIC, box=box))


def cases() -> tuple[Case, ...]:
    grey = encoded(photo(300, 300).convert("L"), "PNG")
    full_hd = photo(1920, 1080)
    jpeg = encoded(full_hd, "JPEG", quality=90)
    frame = np.ascontiguousarray(np.asarray(full_hd)[:, :, ::-1])
    rgb = np.ascontiguousarray(np.asarray(full_hd))
    region = frame[90:990, 300:1500]
    side = 1080 * 0.875
    box = ((1920 - side) / 2, (1080 - side) / 2, (1920 + side) / 2, (1080 + side) / 2)
    return (
        Case("grey PNG 300x300", lambda: PREPROCESS.apply(grey), lambda: bare_file(grey, (0, 0, 300, 300))),
        Case("JPEG 1920x1080", lambda: PREPROCESS.apply(jpeg), lambda: bare_file(jpeg, (0, 0, 1920, 1080))),
        Case(
            "RGB frame 1920x1080",
            lambda: PREPROCESS.apply(rgb),
            lambda: np.asarray(Image.fromarray(rgb).resize((224, 224), BICUBIC)),
        ),
        Case("BGR frame 1920x1080", lambda: PREPROCESS.apply(frame, order="BGR"), lambda: bare_frame(frame)),
        Case("BGR region 1200x900", lambda: PREPROCESS.apply(region, order="BGR"), lambda: bare_frame(region)),
        Case(
            "BGR frame 1920x1080, centre crop", lambda: CROP.apply(frame, order="BGR"), lambda: bare_frame(frame, box)
        ),
    )


def block(call: Callable[[], Array]) -> list[int]:
    samples = []
    for _ in range(BLOCK):
        start = time.perf_counter_ns()
        call()
        samples.append(time.perf_counter_ns() - start)
    return samples


def measure(case: Case, rounds: int) -> dict[str, object]:
    """Blocks of ours and bare in turn; who goes first alternates."""
    if not np.array_equal(case.ours(), case.bare()):
        raise SystemExit(f"{case.name}: EdgeTL and bare Pillow do not give the same pixels")
    ours: list[int] = []
    bare: list[int] = []
    sides = [(case.ours, ours), (case.bare, bare)]
    for call, _ in sides:
        block(call)
    for _ in range(rounds):
        for call, samples in sides:
            samples += block(call)
        sides.reverse()
    ratio = statistics.median(ours) / statistics.median(bare)
    return {
        "name": case.name,
        "ours_p50_ns": int(statistics.median(ours)),
        "bare_p50_ns": int(statistics.median(bare)),
        "ratio": ratio,
        "limit": LIMIT,
        "passed": ratio <= LIMIT,
        "ours_ns": ours,
        "bare_ns": bare,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    results = [measure(case, options.rounds) for case in cases()]
    measured = {str(result["name"]): result["ratio"] for result in results} | {"raw": results}
    limit = f"<= {LIMIT} x bare Pillow doing the same"
    return record.write(options.output, "preprocessing", limit, measured, all(result["passed"] for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
