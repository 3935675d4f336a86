"""Strength and colours

How much of the photo shows through, and whose colours the result has.
"""

from inputs import photo, row, save

import stylespace as ss

net, cup = ss.StyleNetwork.load("classics"), photo("coffee")
save(row(net(cup, "starry_night", strength=0.5), net(cup, "starry_night"), net(cup, "starry_night", colour="luminance")))
