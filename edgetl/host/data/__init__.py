"""Labelled images: where they come from, whether they are sound, and how they are divided."""
