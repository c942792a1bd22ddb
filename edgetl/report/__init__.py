"""Values to text, JSON and Markdown."""
