from __future__ import annotations

from dataclasses import replace

import pytest

from edgetl.device.bench.timing import Timed, joined, latency, service, throughput_per_s

TIMED = Timed(
    samples_ns=tuple(range(101, 165)),
    blocks=(32, 32),
    warmup=9,
    steady=True,
    block_starts_ns=(1000, 9000),
    block_walls_ns=(4_000, 6_000),
    block_items=(40, 60),
    service_ns=tuple(range(1, 65)),
)


def test_latency_and_service_time_are_told_apart() -> None:
    whole, work = latency(TIMED, "infer"), service(TIMED, "infer")
    assert work is not None
    assert (whole.p50_ns, work.p50_ns) == (132, 32)
    assert whole.block_starts_ns == work.block_starts_ns == (1000, 9000)
    assert whole.block_ends_ns == work.block_ends_ns == (5000, 15000)
    assert whole.blocks == work.blocks == (32, 32)


def test_there_is_no_service_time_where_latency_is_just_that() -> None:
    assert service(replace(TIMED, service_ns=()), "infer") is None


def test_throughput_is_inferences_by_wall_time_whether_timed_or_not() -> None:
    assert throughput_per_s(TIMED) == pytest.approx(100 / 10e-6)


def test_throughput_is_unknown_without_a_record_of_blocks() -> None:
    assert throughput_per_s(Timed((5, 6), (2,), 0, True)) is None


def test_each_supported_percentile_has_an_interval_and_a_bound() -> None:
    found = latency(Timed(tuple(range(1, 1001)), (1000,), 0, True), "infer")
    assert [one.percent for one in found.percentiles] == [50.0, 90.0, 95.0, 99.0]
    p99 = found.percentile(99.0)
    assert p99 is not None
    assert (p99.value_ns, p99.low_ns, p99.high_ns, p99.bound_ns) == (990, 983, 997, 999)
    assert found.percentile(99.9) is None
    assert found.p99_ns == 990


def test_two_runs_joined_keep_every_sample_and_block() -> None:
    plain = replace(TIMED, service_ns=())
    both = joined(plain, replace(plain, samples_ns=(7, 8), blocks=(2,), block_walls_ns=(20,), block_items=(2,)))
    assert both.samples_ns == (*plain.samples_ns, 7, 8)
    assert both.blocks == (32, 32, 2)
    assert both.wall_ns == plain.wall_ns + 20
    assert both.warmup == 2 * plain.warmup
