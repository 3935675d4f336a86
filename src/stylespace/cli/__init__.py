"""The command line: one thin command a file. ``stylespace.cli.app:main`` starts it."""
