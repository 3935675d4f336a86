"""Another photo's light

Colours alone: lines and sharpness stay the photo's.
"""

from inputs import SIZE, photo, row, save

import stylespace as ss

result = ss.transfer(photo(), photo("coffee"), method="photoreal", route="global", size=SIZE)
save(row(photo(), result.picture, photo("coffee")))
