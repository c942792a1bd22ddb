"""A process of its own that reads sensors; it imports little, so this package imports nothing."""
