"""Many images pass through in little memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

IMAGES, FILES, CLASSES = 100_000, 400, 1000
LIMIT_BYTES = 1 << 30
SCRIPT = """
import json, sys
from pathlib import Path
from edgetl.host.data.audit import Audit, audit
from edgetl.host.data.card import data_card
from edgetl.host.data.source import open_source
from edgetl.host.data.splits import split
from edgetl.host.data.stream import stream
from edgetl.preprocess import Preprocess
from edgetl.progress import Silent
from edgetl.recipe import Data

def peak():
    # not getrusage: its maximum starts with what the parent held when it forked
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024

before = peak()
folder = Path(sys.argv[1])
audited = audit(open_source("list.csv", folder), Audit(4, False, 2, folder / "audit.json"), Silent())
splits = split(audited.dataset, Data("list.csv"), 0)
card = data_card(audited, splits)
test = splits.open_test("a test")
epoch = (*splits.train, *splits.validation, *test)
total = sum(int(image[0, 0, 0]) >= 0 for image in stream(epoch, Preprocess(64, 64), threads=2))
print(json.dumps({"images": total, "growth": peak() - before, "card": sum(map(sum, card.splits.values()))}))
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """100,000 files of which each has its own content: a few hundred photos, and a number behind the end of each."""
    rng = np.random.default_rng(0)
    photos = []
    for index in range(FILES):
        path = tmp_path / f"photo{index}.jpg"
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((64, 48)).save(path)
        photos.append(path.read_bytes())
    lines = ["path,label"]
    for index in range(IMAGES):
        name = f"images/{index % 100:02d}/{index:06d}.jpg"
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # what stands behind a JPEG's end marker does not change the picture, only the hash
        path.write_bytes(photos[index % FILES] + index.to_bytes(4, "big"))
        lines.append(f"{name},{index % CLASSES}")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc of Linux")
def test_100_000_images_of_1_000_classes_stream_within_a_gigabyte(many: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(many)], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["images"] == said["card"] == IMAGES
    # what is kept of 100,000 images cannot take nothing, so less would be a wrong measurement
    assert 10_000_000 < said["growth"] < LIMIT_BYTES, said
