"""Loss to picture: Adam, L-BFGS, coarse to fine."""
