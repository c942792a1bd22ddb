"""Power and temperature sources (none yet)."""
