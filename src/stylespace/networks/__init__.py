"""Networks that redraw a photo in one pass."""
