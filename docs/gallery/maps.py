"""Styles by maps

A weight may be a picture: each style goes where its map is white.
"""

import numpy as np
from inputs import photo, row, save

import stylespace as ss

cat = photo()
right = np.tile(np.linspace(0, 1, cat.width, dtype=np.float32), (cat.height, 1))
net = ss.StyleNetwork.load("classics")
save(row(cat, net(cat, {"the_scream": 1 - right, "great_wave": right})))
