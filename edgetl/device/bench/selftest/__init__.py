"""Whether the harness itself can be trusted on this machine."""
