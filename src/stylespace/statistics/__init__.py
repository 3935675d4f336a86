"""Features to what is compared: Gram matrices, moments, guides."""
