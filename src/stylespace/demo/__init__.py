"""The bundled demonstration, and the drawings its styles come from."""
