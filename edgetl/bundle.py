"""``NAME.edgetl``: everything a device needs, in one file that protects every one of its bytes."""
from __future__ import annotations
