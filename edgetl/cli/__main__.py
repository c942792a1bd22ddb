"""``python -m edgetl.cli``."""

from __future__ import annotations

from edgetl.cli import main

main()
