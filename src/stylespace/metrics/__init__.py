"""How close a result is to its content and its style, and what is wrong with it: ``metrics.score`` gives all figures."""
