"""Interleaved timing: subjects take turns in short blocks, so that drift of the machine meets all of them alike."""

from edgetl.device.bench.timing.closed import interleave
from edgetl.device.bench.timing.subject import Clock, Subject, rotating
from edgetl.device.bench.timing.timed import Timed, joined, latency, service, throughput_per_s

__all__ = ["Clock", "Subject", "Timed", "interleave", "joined", "latency", "rotating", "service", "throughput_per_s"]
