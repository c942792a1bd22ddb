"""How load arrives: back to back, several at once, at a rate, or all at the start."""

from edgetl.device.bench.scenarios.run import Load, run_scenario

__all__ = ["Load", "run_scenario"]
