"""The ladder: from a float graph to the fastest quantized one that passes the gates, with everything that was tried."""

from __future__ import annotations

from edgetl.host.ladder.ascent import Ascent, Means
from edgetl.host.ladder.climb import Climbed, climb

__all__ = ["Ascent", "Climbed", "Means", "climb"]
