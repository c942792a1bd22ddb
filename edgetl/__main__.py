"""``python -m edgetl``."""

from __future__ import annotations

from edgetl.cli import main

main()
