"""Any painting, by optimisation

Slower and closer: the picture itself is optimised until its statistics are those of the painting. A draft shows where it goes;
leave `quality` out for the finished picture.
"""

from inputs import SIZE, painting, photo, row, save

import stylespace as ss

style = painting("mosaic")
result = ss.transfer(photo(), style, size=SIZE, quality="draft")
save(row(result.picture, style))
