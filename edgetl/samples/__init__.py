"""What samples say, and how many it takes to say it."""
