"""The machine as this process may use it, read from ``/proc`` and ``/sys``; nothing is changed and nothing imported."""

from __future__ import annotations

from edgetl.device.probe.cpu import INT8_DOT, ISA, X86
from edgetl.device.probe.diagnosis import Diagnosis, Package, doctor, remarks
from edgetl.device.probe.lasting import environment
from edgetl.device.probe.state import machine_state

__all__ = ["INT8_DOT", "ISA", "X86", "Diagnosis", "Package", "doctor", "environment", "machine_state", "remarks"]
