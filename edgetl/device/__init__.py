"""The device half: no torch; numpy and one runtime."""
