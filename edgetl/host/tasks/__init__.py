"""The host half of each task: what training minimises."""
