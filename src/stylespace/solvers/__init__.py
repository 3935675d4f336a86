"""From a loss to a picture: Adam, L-BFGS, Laplacian pyramid, coarse to fine, tiles."""
