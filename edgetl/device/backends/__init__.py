"""One file per runtime; each is the only place that imports it."""
