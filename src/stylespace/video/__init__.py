"""Frames in, stable frames out: shots, flow, what is kept from the frame before."""
