"""Sensors, read in a process of their own so that reading them does not disturb what is measured."""

from __future__ import annotations

from edgetl.device.bench.telemetry.recorder import Recorder, recording

__all__ = ["Recorder", "recording"]
