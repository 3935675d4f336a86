"""Photos and styles to the weights of a network."""
