from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgetl.artifact import Artifact
from edgetl.device.bench.roofline import roofline, uncounted, work_of
from edgetl.device.bench.subjects import Timeable
from edgetl.layers import Peak, Work
from edgetl.runner import LoadOptions
from edgetl.tensors import TensorSpec

PEAK = Peak("fp32", 1, operations_per_s=1e11, bytes_per_s=1e10, runtime="openvino")


def artifact(operations: int | None = 800_000_000, sizes: tuple[int | None, ...] = (None, 10, 10, 3)) -> Artifact:
    return Artifact(
        file="models/fp32.onnx",
        format="onnx",
        rendering="float",
        precision="fp32",
        inputs=(TensorSpec("image", "uint8", sizes),),
        outputs=(TensorSpec("logits", "float32", (None, 5)),),
        operations=operations,
        weight_bytes=13_000_000,
        size_bytes=13_100_000,
        sha256="0" * 64,
    )


def subject(artifact: Artifact | None, batch: int = 1) -> Timeable:
    options = LoadOptions(threads=1, precision="fp32", batch=batch)
    return Timeable("name", Path("m.onnx"), "m.onnx", "as given", "openvino", options, None, artifact)


def work(artifact: Artifact | None, batch: int = 1) -> Work:
    return work_of(subject(artifact, batch), {}, uncounted)


def test_a_graph_with_much_work_is_limited_by_computing() -> None:
    found = roofline(work(artifact()), PEAK, 16_000_000)
    assert (found.operations, found.bytes) == (800_000_000, 13_000_000 + 300 + 20)
    assert (found.limit_ns, found.fraction, found.reason) == (8_000_000, 0.5, None)


def test_a_graph_with_little_work_is_limited_by_memory() -> None:
    found = roofline(work(artifact(operations=1_000)), PEAK, 13_000_320)
    assert found.limit_ns == 1_300_032
    assert found.fraction == pytest.approx(0.1)


def test_a_plain_file_has_no_limit_and_says_why() -> None:
    found = roofline(work(None), PEAK, 16_000_000)
    assert (found.operations, found.bytes, found.limit_ns, found.fraction) == (None, None, None, None)
    assert found.peak == PEAK
    assert found.reason is not None
    assert "nothing here reads graphs" in found.reason


def test_without_a_peak_there_is_no_limit() -> None:
    found = roofline(work(artifact()), None, 16_000_000)
    assert (found.operations, found.limit_ns, found.fraction) == (800_000_000, None, None)
    assert found.reason is not None
    assert "no peak is measured" in found.reason


@pytest.mark.parametrize("median_ns", [None, 0])
def test_without_a_median_there_is_a_limit_and_no_fraction(median_ns: int | None) -> None:
    found = roofline(work(artifact()), PEAK, median_ns)
    assert (found.limit_ns, found.fraction, found.reason) == (
        8_000_000,
        None,
        "the median of one inference alone is not known",
    )


def test_free_sizes_besides_the_batch_leave_both_unknown() -> None:
    found = roofline(work(artifact(sizes=(None, None, None, 3))), PEAK, 16_000_000)
    assert (found.operations, found.bytes, found.limit_ns) == (None, None, None)
    assert found.reason is not None
    assert "so operations are unknown; a size besides the batch is free, so bytes are unknown" in found.reason


def test_operations_that_nobody_could_count_are_unknown_and_bytes_are_not() -> None:
    found = roofline(work(artifact(operations=None), 8), PEAK, 16_000_000)
    assert (found.operations, found.bytes, found.limit_ns) == (None, 13_000_000 + 8 * (300 + 20), None)
    assert found.reason is not None
    assert found.reason.endswith("so operations are unknown")


def test_a_fraction_above_one_says_why() -> None:
    found = roofline(work(artifact()), PEAK, 4_000_000)
    assert found.fraction == 2
    assert found.reason is not None
    assert "faster than the limit" in found.reason


def test_a_batch_has_so_many_times_the_work_and_reads_weights_once() -> None:
    found = roofline(work(artifact(), 8), PEAK, 128_000_000)
    assert (found.operations, found.bytes) == (6_400_000_000, 13_000_000 + 8 * (300 + 20))
    assert (found.limit_ns, found.fraction) == (64_000_000, 0.5)


def test_a_plain_file_is_counted_as_it_is_fed() -> None:
    asked: list[tuple[Path, Mapping[str, tuple[int, ...]]]] = []

    def count(model: Path, fed: Mapping[str, tuple[int, ...]]) -> Work:
        asked.append((model, fed))
        return Work(800_000_000, 1, "a reason")

    feed = {"x": np.zeros((8, 4), np.float32)}
    found = roofline(work_of(subject(None, 8), feed, count), PEAK, 16_000_000)
    assert asked == [(Path("m.onnx"), {"x": (8, 4)})]
    assert (found.operations, found.limit_ns, found.reason) == (800_000_000, 8_000_000, "a reason")
