"""Sensors of power, heat, clocks and throttling: one file each, read-only, from ``/sys`` wherever it says enough."""
