"""Values to pictures: SVG files that any browser shows, in light and in dark."""
