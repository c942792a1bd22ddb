"""Training a trunk and its head together: the engine behind every method that changes the backbone's weights."""
