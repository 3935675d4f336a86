"""From files to a result: one kind of call per file."""
