"""Whether the harness can be trusted on this machine: checks of itself."""
