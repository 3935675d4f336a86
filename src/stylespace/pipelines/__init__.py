"""From files to a result: one call a file."""
