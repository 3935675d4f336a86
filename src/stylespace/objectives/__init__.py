"""Statistics to loss terms: one function a term, its target an argument."""
