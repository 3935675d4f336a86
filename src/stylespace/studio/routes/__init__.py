"""The addresses of the service, one subject a file."""
