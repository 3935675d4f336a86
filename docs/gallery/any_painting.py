"""Any painting, in one pass

The network `arbitrary` reads a painting once and paints in its style.
"""

from inputs import painting, photo, row, save

import stylespace as ss

net, style = ss.StyleNetwork.load("arbitrary"), painting("watercolour")
save(row(net(photo(), style), style))
