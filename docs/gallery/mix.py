"""Two styles, mixed

One network holds many styles; a mix is a mapping from names to weights.
"""

from inputs import photo, row, save

import stylespace as ss

net = ss.StyleNetwork.load("classics")
a, b = ("starry_night", "great_wave")
save(row(*(net(photo(), {a: 1 - share, b: share}) for share in (0, 0.5, 1))))
