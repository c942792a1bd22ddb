"""What the harness proves about itself."""
