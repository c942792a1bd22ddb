"""Timing: warm-up, interleaved blocks, cold starts."""
